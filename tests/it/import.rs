//! Import: exports of other products, files that are interrupted, and rows that are refused.

use std::{fs, path::PathBuf};

use chrono::Utc;
use contact_gateway::{
    auth::{Caller, RequestContext, Scopes},
    entity::{custom_field::FieldType, internal_contact_assignment::InternalRole},
    files::{Format, Reject},
    transfer::{
        Kind, Session,
        columns::{Layout, Rules},
        export::{self, ExportError},
        import::{Counts, Event, ImportError, Options, run},
    },
};
use serde_json::{Value, json};
use tempfile::TempDir;
use uuid::Uuid;

use crate::support::{HOME, OTHER, World, on_both};

on_both!(
    exports_of_other_products_are_imported,
    a_second_run_changes_nothing,
    rejects_can_be_mended_and_imported,
    a_trial_writes_nothing,
    an_interrupted_import_goes_on,
    a_killed_batch_is_written_again,
    a_record_that_comes_twice_ends_as_its_last_row,
    companies_are_found_by_remote_id,
    custom_fields_and_metadata_are_imported,
    organization_contacts_are_imported_once,
    organization_contacts_are_matched_by_remote_id,
    cards_are_imported,
    columns_are_checked_before_anything_is_written,
    rejects_never_overwrite_the_input,
    an_organization_must_be_there,
    an_export_is_imported_elsewhere,
    files_of_many_forms_are_imported,
    internal_contacts_are_imported_without_a_role,
    contact_types_and_custom_fields_are_imported,
    an_import_of_all_kinds_is_checked,
    formulas_are_escaped_when_asked,
);

fn session(world: &World, organization: i64) -> Session {
    let caller = Caller {
        subject: "importer".to_owned(),
        scopes: Scopes::all(),
        organizations: vec![organization],
        organization: Some(organization),
        expires_at: Utc::now(),
        claims_read: None,
    };
    let request = |caller| RequestContext::new(Uuid::now_v7().to_string(), Utc::now(), caller);
    Session::new(&world.db, caller, request)
}

/// A file and what is told of its import.
struct Case {
    folder: TempDir,
    options: Options,
}

impl Case {
    fn new(kind: impl Into<Option<Kind>>, name: &str, content: impl AsRef<[u8]>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let input = folder.path().join(name);
        fs::write(&input, content).expect("a file");
        let options = Options {
            kind: kind.into(),
            input,
            format: None,
            encoding: None,
            delimiter: None,
            rules: Rules::default(),
            rejects: None,
            is_dry_run: false,
            is_resumed: false,
        };
        Self { folder, options }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    async fn run(&self, world: &World) -> (Counts, Vec<Reject>) {
        let (result, rejects) = self.attempt(world, HOME).await;
        (result.expect("an import"), rejects)
    }

    async fn attempt(&self, world: &World, organization: i64) -> (Result<Counts, ImportError>, Vec<Reject>) {
        let session = session(world, organization);
        let mut rejects = Vec::new();
        let mut report = |event: Event| {
            if let Event::Rejected(reject) = event {
                rejects.push(reject);
            }
        };
        let result = run(&session, &self.options, &mut report).await;
        (result, rejects)
    }
}

fn counts(created: u64, updated: u64, unchanged: u64, rejected: u64) -> Counts {
    Counts { created, updated, unchanged, rejected }
}

async fn people(world: &World) -> Value {
    let query = "{ accountContacts(orderBy: [{ field: EMAIL, direction: ASC }], first: 100) \
                 { nodes { email firstName lastName phone remoteId contactType { name } } } }";
    world.reader().query(query).await.data("/accountContacts/nodes").clone()
}

const GOOGLE: &str = "First Name,Middle Name,Last Name,Organization Name,Organization Title,Labels,E-mail 1 - Label,\
    E-mail 1 - Value,E-mail 2 - Label,E-mail 2 - Value,Phone 1 - Label,Phone 1 - Value\r\n\
    Ada,,Quill,Globex,Buyer,* myContacts,* Work,ada@example.com ::: a2@example.com,,,Mobile,+49 30 901820\r\n\
    Bo,,,,,* myContacts,* Other,,,,,\r\n";
const OUTLOOK: &str = "First Name,Middle Name,Last Name,Title,Company,Job Title,Home Phone,Business Phone,Mobile Phone,\
    E-mail Address,E-mail 2 Address,Business Street,Notes\r\n\
    Cleo,,Marsh,Dr.,Initech,CTO,,,+1 202 555 0143,cleo@example.com,c2@example.com,\"1 High St\r\nFloor 2\",\"a, b\"\r\n";
const HUBSPOT: &str = "Record ID,First Name,Last Name,Email,Phone Number,Contact owner,Lead Status,Marketing contact status\n\
    901,Dan,Ott,dan@example.com,+1 202 555 0144,Someone,New,Marketing contact\n";
const SALESFORCE: &str = "\"Contact ID\",\"Salutation\",\"First Name\",\"Last Name\",\"Title\",\"Mailing Street\",\"Email\",\"Phone\"\n\
    \"003xx000001\",\"Ms.\",\"Eve\",\"Poe\",\"VP\",\"2 Low St\",\"eve@example.com\",\"\"\n";

async fn exports_of_other_products_are_imported(world: World) {
    for (content, expected) in [
        (GOOGLE, counts(1, 0, 0, 1)),
        (OUTLOOK, counts(1, 0, 0, 0)),
        (HUBSPOT, counts(1, 0, 0, 0)),
        (SALESFORCE, counts(1, 0, 0, 0)),
    ] {
        let (counts, rejects) = Case::new(Kind::AccountContacts, "people.csv", content).run(&world).await;
        assert_eq!(counts, expected, "{content} {rejects:?}");
    }
    let person = |email, first, last, phone: Value, remote_id: Value| {
        json!({
            "email": email, "firstName": first, "lastName": last, "phone": phone, "remoteId": remote_id,
            "contactType": { "name": "Primary" }
        })
    };
    let expected = json!([
        person("ada@example.com", "Ada", "Quill", json!("+4930901820"), json!(null)),
        person("cleo@example.com", "Cleo", "Marsh", json!("+12025550143"), json!(null)),
        person("dan@example.com", "Dan", "Ott", json!("+12025550144"), json!("901")),
        person("eve@example.com", "Eve", "Poe", json!(null), json!("003xx000001")),
    ]);
    assert_eq!(people(&world).await, expected);
}

async fn a_second_run_changes_nothing(world: World) {
    for (kind, name, content) in [
        (Kind::Partners, "a.csv", "remote_id,name\np1,Globex\n,Initech\n"),
        (Kind::Accounts, "a.csv", "remoteId;name;Primary Domain\na1;Hooli;hooli.example\n;Umbrella;\n"),
        (
            Kind::InternalContactAssignments,
            "a.csv",
            "email,internal_role,partner_remote_id\na@x.example,csm,p1\na@x.example,Lead,\n",
        ),
        (Kind::InternalContacts, "a.csv", "email,name,Remote ID\nq@x.example,Q,\nr@x.example,,r1\n"),
        (
            Kind::AccountContacts,
            "a.jsonl",
            "{\"email\":\"b@x.example\",\"firstName\":\"B\",\"accountRemoteIds\":[\"a1\"]}\n",
        ),
    ] {
        let case = Case::new(kind, name, content);
        let (first, rejects) = case.run(&world).await;
        assert_eq!((first.rejected, first.unchanged), (0, 0), "{kind} {rejects:?}");
        let again = world.nothing_written(case.run(&world)).await;
        assert_eq!(again.0, counts(0, 0, first.created, 0), "{kind}");
    }
}

async fn rejects_can_be_mended_and_imported(world: World) {
    let content = "email;first name;phone\nann@example.com;Ann;+49 30 901820\nbob;Bob;\ncid@example.com;Cid;12\n\
                   dan@example.com;Dan;;too;many\n";
    let mut case = Case::new(Kind::AccountContacts, "people.csv", content);
    case.options.rejects = Some(case.path("rejects.csv"));
    let (first, rejects) = case.run(&world).await;
    assert_eq!(first, counts(1, 0, 0, 3));
    let mut places: Vec<(u64, &str)> =
        rejects.iter().map(|reject| (reject.line, reject.column.as_str())).collect();
    places.sort_unstable();
    assert_eq!(places, [(3, "email"), (4, "phone"), (5, "column 4")]);

    let written = fs::read_to_string(case.path("rejects.csv")).expect("a file");
    assert!(
        written.starts_with("\u{FEFF}reject_line;reject_column;reject_reason;email;first name;phone\r\n"),
        "{written}"
    );
    let mended =
        written.replace(";bob;", ";bob@example.com;").replace(";12\r", ";\r").replace(";too;many", "");
    let case = Case::new(Kind::AccountContacts, "mended.csv", mended);
    let (second, rejects) = case.run(&world).await;
    assert_eq!(second, counts(3, 0, 0, 0), "{rejects:?}");
}

async fn a_trial_writes_nothing(world: World) {
    let mut case = Case::new(Kind::AccountContacts, "people.csv", "email,firstName\na@x.example,A\nb,B\n");
    case.options.is_dry_run = true;
    let (counted, _) = world.nothing_written(case.run(&world)).await;
    assert_eq!(counted, counts(1, 0, 0, 1));
    assert_eq!(fs::read_dir(case.folder.path()).expect("a folder").count(), 1);
}

/// Rows of 2,500 people, every tenth of which is refused.
fn many() -> String {
    let row = |number: usize| {
        let email =
            if number.is_multiple_of(10) { format!("{number}") } else { format!("p{number}@x.example") };
        format!("{email},P{number}\n")
    };
    let rows: String = (0..2500).map(row).collect();
    format!("email,firstName\n{rows}")
}

async fn an_interrupted_import_goes_on(world: World) {
    let mut case = Case::new(Kind::AccountContacts, "people.csv", many());
    case.options.rejects = Some(case.path("rejects.csv"));
    let whole = {
        let mut other = Case::new(Kind::AccountContacts, "people.csv", many());
        other.options.is_dry_run = true;
        other.options.rejects = Some(other.path("rejects.csv"));
        let (counts, _) = other.run(&world).await;
        (counts, fs::read(other.path("rejects.csv")).expect("a file"))
    };
    // The first batch is done and the process is killed: its state is there.
    let state = case.path("people.csv.import-state");
    let session = session(&world, HOME);
    let (reported, mut first) = tokio::sync::oneshot::channel();
    let mut reported = Some(reported);
    let mut report = |event: Event| {
        if matches!(event, Event::Progress(_))
            && let Some(reported) = reported.take()
        {
            let _ = reported.send(());
        }
    };
    tokio::select! {
        biased;
        _ = &mut first => {}
        _ = run(&session, &case.options, &mut report) => {}
    }
    drop(session);
    if state.exists() {
        case.options.is_resumed = true;
    }
    let (counts, _) = case.run(&world).await;
    assert_eq!(counts.rejected, whole.0.rejected);
    assert_eq!(counts.total(), 2500);
    assert_eq!(world.count("account_contact").await, 2250);
    assert_eq!(fs::read(case.path("rejects.csv")).expect("a file"), whole.1);
    assert!(!state.exists());
}

async fn a_killed_batch_is_written_again(world: World) {
    let mut case = Case::new(Kind::AccountContacts, "people.csv", many());
    case.run(&world).await;
    // The last batch was committed, but the state says nothing of it: as if there were none.
    case.options.is_resumed = true;
    let (again, _) = world.nothing_written(case.run(&world)).await;
    assert_eq!(again, counts(0, 0, 2250, 250));
    // A state of other settings is refused.
    let other = json!({ "fingerprint": "x", "rows": 1, "counts": again_json(), "rejects": 0 });
    fs::write(case.path("people.csv.import-state"), other.to_string()).expect("a file");
    assert!(matches!(case.attempt(&world, HOME).await.0, Err(ImportError::Resume(_))));
}

fn again_json() -> Value {
    json!({ "created": 0, "updated": 0, "unchanged": 0, "rejected": 0 })
}

async fn a_record_that_comes_twice_ends_as_its_last_row(world: World) {
    let content = "email,firstName\na@x.example,One\nb@x.example,B\nA@X.example,Two\n";
    let (counted, _) = Case::new(Kind::AccountContacts, "people.csv", content).run(&world).await;
    assert_eq!(counted, counts(2, 1, 0, 0));
    assert_eq!(people(&world).await[0]["firstName"], "Two");
}

async fn companies_are_found_by_remote_id(world: World) {
    Case::new(Kind::Accounts, "a.csv", "remoteId,name\na1,Hooli\na2,Umbrella\n").run(&world).await;
    let content = "email,firstName,accountRemoteIds\na@x.example,A,a1; a2\nb@x.example,B,nowhere\n";
    let (counted, rejects) = Case::new(Kind::AccountContacts, "people.csv", content).run(&world).await;
    assert_eq!(counted, counts(1, 0, 0, 1));
    assert_eq!((rejects[0].line, rejects[0].column.as_str()), (3, "accountRemoteIds"));
    let query = "{ accountContacts { nodes { accounts { nodes { name } } } } }";
    let reply = world.reader().query(query).await;
    assert_eq!(reply.list("/accountContacts/nodes/0/accounts/nodes").len(), 2);
}

async fn custom_fields_and_metadata_are_imported(world: World) {
    world.rows().custom_field("seats", FieldType::Integer, &[]).await;
    world.rows().custom_field("vip", FieldType::Boolean, &[]).await;
    let content = "email,firstName,custom.seats,custom.vip,metadata.source\na@x.example,A,7,yes,fair\nb@x.example,B,many,,\n";
    let (counted, rejects) = Case::new(Kind::AccountContacts, "people.csv", content).run(&world).await;
    assert_eq!(counted, counts(1, 0, 0, 1), "{rejects:?}");
    let query = "{ accountContacts { nodes { metadata customFieldValues { field { key } value } } } }";
    let reply = world.reader().query(query).await;
    assert_eq!(reply.data("/accountContacts/nodes/0/metadata"), &json!({ "source": "fair" }));
    let values =
        json!([{ "field": { "key": "seats" }, "value": 7 }, { "field": { "key": "vip" }, "value": true }]);
    assert_eq!(reply.data("/accountContacts/nodes/0/customFieldValues"), &values);
}

async fn organization_contacts_are_imported_once(world: World) {
    let content = "type,name,country,purchaseOrderNumber\n6,Ann,DE,PO-1\ntechnical,Bob,,PO-2\nShipping Address,Cid,nowhere,\n";
    let case = Case::new(Kind::OrganizationContacts, "cards.csv", content);
    let (counted, rejects) = case.run(&world).await;
    assert_eq!(counted, counts(1, 0, 0, 2), "{rejects:?}");
    let columns: Vec<&str> = rejects.iter().map(|reject| reject.column.as_str()).collect();
    assert_eq!(columns, ["purchaseOrderNumber", "country"]);
    let (again, _) = case.run(&world).await;
    assert_eq!(again, counts(0, 0, 1, 2));
    assert_eq!(world.count("organization_contact").await, 1);
}

async fn organization_contacts_are_matched_by_remote_id(world: World) {
    let import = async |content: &str| {
        let mut case = Case::new(Kind::OrganizationContacts, "cards.csv", content);
        case.options.is_dry_run = true;
        let (trial, _) = world.nothing_written(case.run(&world)).await;
        case.options.is_dry_run = false;
        let (counted, rejects) = case.run(&world).await;
        assert_eq!(trial, counted, "{content}");
        (counted, rejects)
    };
    let header = "remoteId,type,name,city";
    assert_eq!(import(&format!("{header}\ne1,1,Ann,Bonn\n")).await.0, counts(1, 0, 0, 0));
    // A cell without a value keeps what is there.
    assert_eq!(import(&format!("{header}\ne1,COMMERCIAL,Anna,\n")).await.0, counts(0, 1, 0, 0));
    assert_eq!(import(&format!("{header}\ne1,1,Anna,Bonn\n")).await.0, counts(0, 0, 1, 0));
    let (counted, rejects) = import(&format!("{header}\ne1,2,Anna,Bonn\n")).await;
    assert_eq!((counted, rejects[0].column.as_str()), (counts(0, 0, 0, 1), "type"));
}

async fn cards_are_imported(world: World) {
    let cards = "BEGIN:VCARD\nVERSION:3.0\nN:Lee;Ann;;;\nFN:Ann Lee\nEMAIL:ann@example.com\nTEL;TYPE=CELL:+49 30 901820\n\
                 PHOTO;ENCODING=b:AAAA\nEND:VCARD\nBEGIN:VCARD\nVERSION:4.0\nFN:Nobody\nEND:VCARD\n";
    let mut case = Case::new(Kind::AccountContacts, "people.vcf", cards);
    case.options.rejects = Some(case.path("rejects.vcf"));
    let (counted, rejects) = case.run(&world).await;
    assert_eq!(counted, counts(1, 0, 0, 1), "{rejects:?}");
    assert_eq!(people(&world).await[0]["phone"], "+4930901820");
    let mended = fs::read_to_string(case.path("rejects.vcf")).expect("a file");
    let mended = mended.replace("FN:Nobody", "FN:Bo\r\nEMAIL:bo@example.com");
    let (counted, rejects) = Case::new(Kind::AccountContacts, "mended.vcf", mended).run(&world).await;
    assert_eq!(counted, counts(1, 0, 0, 0), "{rejects:?}");
}

async fn columns_are_checked_before_anything_is_written(world: World) {
    let content = "Mail,firstName,Nickname\na@x.example,A,Al\n";
    let case = |columns: &[(&str, &str)]| {
        let mut case = Case::new(Kind::AccountContacts, "people.csv", content);
        let pair = |(column, field): &(&str, &str)| ((*column).to_owned(), (*field).to_owned());
        case.options.rules.columns = columns.iter().map(pair).collect();
        case
    };
    for columns in [
        &[][..],
        &[("Mail", "email")],
        &[("Mail", "email"), ("Nickname", "shoeSize")],
        &[("Mail", "email"), ("Nickname", "firstName")],
        &[("Mail", "email"), ("Nickname", ""), ("Absent", "lastName")],
    ] {
        let result = world.nothing_written(case(columns).attempt(&world, HOME)).await.0;
        assert!(matches!(result, Err(ImportError::Columns(_))), "{columns:?} {result:?}");
    }
    let (counted, _) = case(&[("Mail", "email"), ("Nickname", "")]).run(&world).await;
    assert_eq!(counted, counts(1, 0, 0, 0));
    let mut case = Case::new(Kind::AccountContacts, "people.csv", content);
    case.options.rules = Rules {
        layout: Some(Layout::Google),
        columns: vec![("Mail".into(), "email".into())],
        defaults: Vec::new(),
    };
    // The layout knows no column of that name.
    assert_eq!(case.run(&world).await.0.total(), 1);
}

async fn rejects_never_overwrite_the_input(world: World) {
    let content = "email,firstName\na@x.example,A\nb,B\n";
    let mut case = Case::new(Kind::AccountContacts, "people.csv", content);
    case.options.rejects = Some(case.folder.path().join(".").join("people.csv"));
    let (result, _) = world.nothing_written(case.attempt(&world, HOME)).await;
    assert!(matches!(result, Err(ImportError::SameFile)), "{result:?}");
    assert_eq!(fs::read_to_string(case.path("people.csv")).expect("a file"), content);
}

async fn an_organization_must_be_there(world: World) {
    let case = Case::new(Kind::AccountContacts, "people.csv", "email,firstName\na@x.example,A\n");
    let (result, _) = world.nothing_written(case.attempt(&world, 404)).await;
    assert!(matches!(result, Err(ImportError::Organization(404))), "{result:?}");
}

pub(crate) async fn exported(
    world: &World,
    organization: i64,
    kind: impl Into<Option<Kind>>,
    format: Format,
) -> String {
    let options = export::Options {
        kind: kind.into(),
        format,
        search: None,
        changed_since: None,
        escapes_formulas: false,
    };
    let mut out = Vec::new();
    export::run(&session(world, organization), &options, &mut out).await.expect("an export");
    String::from_utf8(out).expect("UTF-8")
}

/// An export without our own ids, which differ between organizations.
fn without_ids(jsonl: &str) -> Vec<Value> {
    let lines = jsonl.lines().map(|line| {
        let mut object: Value = serde_json::from_str(line).expect("JSON");
        object.as_object_mut().expect("an object").remove("id");
        object
    });
    lines.collect()
}

async fn an_export_is_imported_elsewhere(world: World) {
    for (kind, name, content) in [
        (Kind::Partners, "a.csv", "remoteId,name\np1,\"Globex, Inc.\"\n"),
        (Kind::Accounts, "a.csv", "remoteId,name,primaryDomain\na1,Hooli,hooli.example\na2,Ümlaut,\n"),
        (
            Kind::InternalContactAssignments,
            "a.csv",
            "email,internalRole,partnerRemoteId,jobTitle\na@x.example,CSM,p1,Boss\nb@x.example,LEAD,,\n",
        ),
        (
            Kind::AccountContacts,
            "a.csv",
            "email,firstName,contactType,accountRemoteIds,metadata.note\nc@x.example,\"C \"\"c\"\"\",Billing,a1;a2,\"1\n2\"\nd@x.example,D,,,\n",
        ),
        (Kind::OrganizationContacts, "a.csv", "type,name,country,phone\nFINANCE,Fin,NL,+31 20 1\n"),
    ] {
        let (counted, rejects) = Case::new(kind, name, content).run(&world).await;
        assert_eq!(counted.rejected, 0, "{kind} {rejects:?}");
        for (format, file) in [(Format::Csv, "dump.csv"), (Format::JsonLines, "dump.jsonl")] {
            let dump = exported(&world, HOME, kind, format).await;
            let case = Case::new(kind, file, &dump);
            let (result, rejects) = case.attempt(&world, OTHER).await;
            let counted = result.expect("an import");
            assert_eq!(counted.rejected, 0, "{kind} {file} {rejects:?} {dump}");
            // The second format changes nothing of what the first brought.
            assert_eq!(counted.created == 0, format == Format::JsonLines, "{kind} {file} {dump}");
        }
        let (here, there) = (
            exported(&world, HOME, kind, Format::JsonLines).await,
            exported(&world, OTHER, kind, Format::JsonLines).await,
        );
        assert_eq!(without_ids(&here), without_ids(&there), "{kind}");
    }
    let cards = exported(&world, HOME, Kind::AccountContacts, Format::Vcard).await;
    assert_eq!(cards.matches("BEGIN:VCARD\r\nVERSION:4.0\r\n").count(), 2, "{cards}");
    let (counted, rejects) = Case::new(Kind::AccountContacts, "dump.vcf", &cards).run(&world).await;
    assert_eq!(counted, counts(0, 0, 2, 0), "{rejects:?} {cards}");
    let options = export::Options {
        kind: Some(Kind::Partners),
        format: Format::Vcard,
        search: None,
        changed_since: None,
        escapes_formulas: false,
    };
    let refused = export::run(&session(&world, HOME), &options, &mut Vec::new()).await;
    assert!(matches!(refused, Err(ExportError::Format(Kind::Partners))), "{refused:?}");
}

async fn formulas_are_escaped_when_asked(world: World) {
    let content = "remoteId,name\np1,=1+1\np2,@SUM(A1)\np3,plain\n";
    Case::new(Kind::Partners, "a.csv", content).run(&world).await;
    let mut options = export::Options {
        kind: Some(Kind::Partners),
        format: Format::Csv,
        search: None,
        changed_since: None,
        escapes_formulas: true,
    };
    let mut out = Vec::new();
    let count = export::run(&session(&world, HOME), &options, &mut out).await.expect("an export");
    let text = String::from_utf8(out).expect("UTF-8");
    assert_eq!(count, 3);
    for cell in [",'=1+1\r\n", ",'@SUM(A1)\r\n", ",plain\r\n"] {
        assert!(text.contains(cell), "{text}");
    }
    options.search = Some("pla".to_owned());
    let count = export::run(&session(&world, HOME), &options, &mut Vec::new()).await.expect("an export");
    assert_eq!(count, 1);
    options.changed_since = Some(Utc::now() + chrono::TimeDelta::hours(1));
    let count = export::run(&session(&world, HOME), &options, &mut Vec::new()).await.expect("an export");
    assert_eq!(count, 0);
}

/// A file of 100 columns, most of which no field stands for.
fn wide() -> String {
    let names: String = (0..96).map(|number| format!(",metadata.answer{number}")).collect();
    let values: String = (0..96).map(|number| format!(",\"{number}, yes\"")).collect();
    format!("email,firstName,lastName,phone{names}\r\nwide@x.example,Wide,,{values}\r\n")
}

async fn files_of_many_forms_are_imported(world: World) {
    let utf16: Vec<u8> =
        "\u{FEFF}email;first name;last name\r\njuergen@x.example;Jürgen;Groß\r\nnobody;Bo;\r\n"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
    let windows = b"email;first name;last name\r\nzoe@x.example;Zo\xEB;\x8Cuvre \x93O\x94\r\n".to_vec();
    let breaks = "\u{FEFF}email,first name,metadata.note\nline@x.example,Line,\"one\ntwo, \"\"three\"\"\"\nshort@x.example\n\
                  extra@x.example,E,n,too many\n";
    for (content, expected) in [
        (utf16, counts(1, 0, 0, 1)),
        (windows, counts(1, 0, 0, 0)),
        (breaks.as_bytes().to_vec(), counts(1, 0, 0, 2)),
        (wide().into_bytes(), counts(1, 0, 0, 0)),
    ] {
        let (counted, rejects) = Case::new(Kind::AccountContacts, "people.csv", content).run(&world).await;
        assert_eq!(counted, expected, "{rejects:?}");
        for reject in rejects {
            assert!(reject.line > 1 && !reject.column.is_empty() && !reject.reason.is_empty(), "{reject:?}");
        }
    }
    let people = people(&world).await;
    let names: Vec<_> =
        people.as_array().expect("people").iter().map(|row| (&row["firstName"], &row["lastName"])).collect();
    let expected = json!([["Jürgen", "Groß"], ["Line", null], ["Wide", null], ["Zoë", "Œuvre “O”"]]);
    assert_eq!(json!(names), expected);
    let query = "{ accountContacts(orderBy: [{ field: EMAIL, direction: ASC }]) { nodes { metadata } } }";
    let reply = world.reader().query(query).await;
    assert_eq!(reply.data("/accountContacts/nodes/1/metadata"), &json!({ "note": "one\ntwo, \"three\"" }));
    assert_eq!(
        reply.data("/accountContacts/nodes/2/metadata").as_object().map(serde_json::Map::len),
        Some(96)
    );
}

async fn internal_contacts_are_imported_without_a_role(world: World) {
    let content = "First Name,Last Name,E-mail 1 - Value,Phone 1 - Value,Organization Title\n\
                   Ada,Quill,ada@x.example,+49 30 901820,Buyer\nBo,,bo,,\n";
    let (counted, rejects) = Case::new(Kind::InternalContacts, "team.csv", content).run(&world).await;
    assert_eq!(counted, counts(1, 0, 0, 1), "{rejects:?}");
    assert_eq!(rejects[0].column, "E-mail 1 - Value");
    let query = "{ internalContacts { nodes { displayName phone jobTitle assignments { totalCount } } } }";
    let expected = json!([{
        "displayName": "Ada Quill", "phone": "+4930901820", "jobTitle": "Buyer", "assignments": { "totalCount": 0 },
    }]);
    assert_eq!(world.reader().query(query).await.data("/internalContacts/nodes"), &expected);
}

async fn contact_types_and_custom_fields_are_imported(world: World) {
    for (kind, content, first, rejected) in [
        (
            Kind::ContactTypes,
            "name,isDefault\nbilling,\nPartner manager,yes\n,no\nLegal,perhaps\n",
            counts(1, 0, 1, 2),
            &["name", "isDefault"][..],
        ),
        (
            Kind::CustomFields,
            "key,label,fieldType,options,isRequired,isArchived\nseats,Seats,integer,,,\nsize,Size,single choice,S;M,true,\n\
             old,Old,TEXT,,,yes\ncolour,,colour,,,\nbare,Bare,single choice,,,\n",
            counts(3, 0, 0, 2),
            &["fieldType", "options"],
        ),
    ] {
        let mut case = Case::new(kind, "a.csv", content);
        case.options.is_dry_run = true;
        let (trial, _) = world.nothing_written(case.run(&world)).await;
        case.options.is_dry_run = false;
        let (counted, rejects) = case.run(&world).await;
        assert_eq!(counted, first, "{rejects:?}");
        // Whether a choice has options, only the write decides.
        assert_eq!(trial.total(), counted.total());
        let columns: Vec<&str> = rejects.iter().map(|reject| reject.column.as_str()).collect();
        assert_eq!(columns, rejected);
        let again = world.nothing_written(case.run(&world)).await.0;
        let unchanged = first.created + first.unchanged;
        assert_eq!(again, Counts { unchanged, rejected: first.rejected, ..Counts::default() });
    }
    let changed = "key,options,isRequired\nsize,S;M;L,no\n";
    assert_eq!(Case::new(Kind::CustomFields, "a.csv", changed).run(&world).await.0, counts(0, 1, 0, 0));
    let query = "{ contactTypes(filter: { isDefault: true }) { nodes { name } } \
                 customFields { nodes { key options isRequired archivedAt } } }";
    let reply = world.reader().query(query).await;
    assert_eq!(reply.data("/contactTypes/nodes"), &json!([{ "name": "Partner manager" }]));
    let fields = reply.list("/customFields/nodes");
    assert_eq!((&fields[1]["options"], &fields[1]["isRequired"]), (&json!(["S", "M", "L"]), &json!(false)));
    assert!(fields[0]["archivedAt"].is_null() && !fields[2]["archivedAt"].is_null(), "{fields:?}");
}

async fn an_import_of_all_kinds_is_checked(world: World) {
    let row = "{\"kind\":\"partners\",\"remoteId\":\"p1\",\"name\":\"Globex\"}\n";
    let changes: [fn(&mut Options); 3] = [
        |options: &mut Options| options.is_dry_run = true,
        |options: &mut Options| options.format = Some(Format::Csv),
        |options: &mut Options| options.rules.defaults = vec![("name".into(), "x".into())],
    ];
    for change in changes {
        let mut case = Case::new(None, "dump.jsonl", row);
        change(&mut case.options);
        let result = world.nothing_written(case.attempt(&world, HOME)).await.0;
        assert!(matches!(result, Err(ImportError::All)), "{result:?}");
    }
    let rows = format!("{{\"name\":\"x\"}}\n{row}{{\"kind\":\"planets\"}}\n");
    let (counted, rejects) = Case::new(None, "dump.jsonl", rows).run(&world).await;
    assert_eq!(counted, counts(1, 0, 0, 2));
    let places: Vec<(u64, &str)> = rejects.iter().map(|it| (it.line, it.column.as_str())).collect();
    assert_eq!(places, [(1, "kind"), (3, "kind")]);
    let options = export::Options {
        kind: None,
        format: Format::Csv,
        search: None,
        changed_since: None,
        escapes_formulas: false,
    };
    let refused = export::run(&session(&world, HOME), &options, &mut Vec::new()).await;
    assert!(matches!(refused, Err(ExportError::All)), "{refused:?}");
}

/// All records of an organization, without what each gateway makes itself.
const ALL_RECORDS: &str = "{
    contactTypes(first: 20) { nodes { name isDefault } }
    customFields(first: 20) { nodes { key label fieldType options isRequired archivedAt } }
    partners(first: 20) { nodes { name remoteId assignments(first: 5) { nodes { internalRole remoteId internalContact { email } } } } }
    accounts(first: 20) { nodes { name primaryDomain remoteId contacts(first: 5) { nodes { email } } } }
    internalContacts(first: 20) { nodes { email phone givenName familyName name jobTitle remoteId
        assignments(first: 5) { nodes { internalRole remoteId partner { name } } } } }
    accountContacts(first: 20) { nodes { email firstName lastName phone avatarUrl metadata remoteId contactType { name }
        accounts(first: 5) { nodes { name } } customFieldValues { field { key } value displayValue } } }
    organizationContacts(first: 20) { nodes { type name title department email phone mobile purchaseOrderNumber
        address { street secondaryAddress zipcode city state country { isoCode } } } }
}";

/// The same in one order, whichever the ids are in; of times only whether there is one.
fn comparable(value: &Value) -> Value {
    match value {
        Value::Array(items) => {
            let mut items: Vec<Value> = items.iter().map(comparable).collect();
            items.sort_by_cached_key(Value::to_string);
            items.into()
        }
        Value::Object(members) => {
            let comparable = |(name, value): (&String, &Value)| match name.as_str() {
                "archivedAt" => (name.clone(), (!value.is_null()).into()),
                // The order of options, and what metadata holds, have a meaning.
                "options" | "metadata" => (name.clone(), value.clone()),
                _ => (name.clone(), comparable(value)),
            };
            members.iter().map(comparable).collect::<serde_json::Map<_, _>>().into()
        }
        value => value.clone(),
    }
}

/// Records of all kinds, with all that they may have.
async fn fill(world: &World) {
    for (kind, name, content) in [
        (Kind::ContactTypes, "a.csv", "name,isDefault\nReseller,yes\n"),
        (
            Kind::CustomFields,
            "a.csv",
            "key,label,fieldType,options\nseats,Seats,INTEGER,\nsize,Size,SINGLE_CHOICE,S;M\ntags,Tags,MULTI_CHOICE,b;a;c\n\
             vip,VIP,BOOLEAN,\nrate,Rate,DECIMAL,\nsince,Since,DATE,\nseen,Seen,DATE_TIME,\nnote,Note,LONG_TEXT,\nold,Old,TEXT,\n",
        ),
        (Kind::Partners, "a.csv", "remoteId,name\np1,\"Globex, \"\"Inc.\"\"\"\np2,Zoë & Söhne\n"),
        (Kind::Accounts, "a.csv", "remoteId,name,primaryDomain\na1,Hooli,hooli.example\na2,Ümlaut,\n"),
        (Kind::InternalContacts, "a.csv", "remoteId,email,name\ni1,alone@x.example,Alone\n"),
        (
            Kind::InternalContactAssignments,
            "a.csv",
            "email,internalRole,partnerRemoteId,jobTitle,givenName,familyName,phone,remoteId\n\
             a@x.example,CSM,p1,Boss,Ada,Quill,+49 30 901820,t1\na@x.example,LEAD,p2,,,,,\na@x.example,LEAD,,,,,,\nb@x.example,CO_LEAD,p1,,,,,\n",
        ),
        (
            Kind::AccountContacts,
            "a.jsonl",
            "{\"email\":\"C.D+e@x.example\",\"remoteId\":\"c1\",\"firstName\":\"C \\\"c\\\"\",\"lastName\":\"=1+1\",\"contactType\":\"Billing\",\
             \"phone\":\"+49 30 901821\",\"avatarUrl\":\"https://x.example/a.png\",\"accountRemoteIds\":[\"a1\",\"a2\"],\
             \"custom\":{\"seats\":7,\"size\":\"M\",\"tags\":[\"a\",\"b\"],\"vip\":false,\"rate\":\"1.50\",\"since\":\"2026-01-31\",\
             \"seen\":\"2026-01-31T10:00:00Z\",\"note\":\"one\\ntwo\",\"old\":\"kept\"},\
             \"metadata\":{\"a\":[1,2.5,null,{\"b\":true}],\"ü\":\"\"}}\n\
             {\"email\":\"d@x.example\",\"firstName\":\"D\"}\n",
        ),
        (
            Kind::OrganizationContacts,
            "a.csv",
            "remoteId,type,name,title,department,street,secondaryAddress,zipcode,city,state,country,email,phone,mobile,purchaseOrderNumber\n\
             o1,INVOICE_ADDRESS,Fin,Dr,Books,1 High St,Floor 2,1000,Bern,BE,CH,fin@x.example,031 1,079 1,PO-1\n",
        ),
    ] {
        let (counted, rejects) = Case::new(kind, name, content).run(world).await;
        assert_eq!(counted.rejected, 0, "{kind} {rejects:?}");
    }
    // What becomes of fields after there are values.
    let later = "key,isRequired,isArchived\nseats,yes,\nold,,yes\n";
    Case::new(Kind::CustomFields, "a.csv", later).run(world).await;
}

async fn all_records_move(from: World, to: World) {
    fill(&from).await;
    let dump = exported(&from, HOME, None, Format::JsonLines).await;
    let case = Case::new(None, "dump.jsonl.zst", zstd::encode_all(dump.as_bytes(), 0).expect("memory"));
    let (first, rejects) = case.run(&to).await;
    assert_eq!((first.rejected, first.total()), (0, dump.lines().count() as u64), "{rejects:?}");
    let (source, target) = (from.reader().query(ALL_RECORDS).await, to.reader().query(ALL_RECORDS).await);
    assert_eq!(comparable(source.data("")), comparable(target.data("")));
    let again = exported(&to, HOME, None, Format::JsonLines).await;
    assert_eq!(without_ids(&again).len(), without_ids(&dump).len());
    for row in without_ids(&again) {
        assert!(without_ids(&dump).contains(&row), "{row}");
    }
}

mod all_records_move_to_the_other_database {
    use crate::support::World;

    #[tokio::test]
    async fn sqlite() {
        super::all_records_move(World::on_sqlite().await, World::on_postgres().await).await;
    }

    #[tokio::test]
    async fn postgres() {
        super::all_records_move(World::on_postgres().await, World::on_sqlite().await).await;
    }
}

on_both!(records_without_remote_ids_keep_their_links);

async fn records_without_remote_ids_keep_their_links(world: World) {
    let rows = world.rows();
    let (partner, account) = (rows.partner("Globex", None).await, rows.account("Hooli").await);
    rows.assignment("a@x.example", InternalRole::Lead, &partner).await;
    rows.account_contact("c@x.example", &[&account]).await;
    let dump = exported(&world, HOME, None, Format::JsonLines).await;
    let case = Case::new(None, "dump.jsonl", &dump);
    assert_eq!(case.attempt(&world, OTHER).await.0.expect("an import").rejected, 0);
    let query = "{ partners { nodes { remoteId internalContacts { nodes { email } } } } \
                 accounts { nodes { remoteId contacts { nodes { email } } } } }";
    let expected = json!({
        "partners": { "nodes": [{
            "remoteId": partner.id.to_string(), "internalContacts": { "nodes": [{ "email": "a@x.example" }] },
        }] },
        "accounts": { "nodes": [{
            "remoteId": account.id.to_string(), "contacts": { "nodes": [{ "email": "c@x.example" }] },
        }] },
    });
    assert_eq!(world.other().query(query).await.data(""), &expected);
    // Imported again, the dump changes nothing.
    let (again, rejects) = world.nothing_written(case.attempt(&world, OTHER)).await;
    let again = again.expect("an import");
    assert_eq!((again.created, again.updated, again.rejected), (0, 0, 0), "{rejects:?}");
}
