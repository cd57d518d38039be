//! A token without contacts:read can read, below a mutation, the fields of the record that it wrote, and nothing else.
//!
//! Payloads, records and relations are read out of the schema: what is in none of the lists here must be forbidden.

use std::collections::BTreeSet;

use async_graphql::parser::types::{FieldDefinition, TypeDefinition, TypeKind};
use contact_gateway::auth::Scope;
use serde_json::{Value, json};

use crate::{
    authorization::{MUTATIONS, one_of_each},
    schema::{named_type, output_fields, types},
    support::{HOME, World, on_both},
};

on_both!(a_write_only_token_sees_the_record_that_it_wrote_and_nothing_else);

/// The fields with a record that the mutation writes, and those with a part of such a record.
const WRITTEN: &[&str] = &[
    "AddAccountContactToAccountPayload.accountContact",
    "AddInternalContactToPartnerPayload.assignment",
    "Address.country",
    "ArchiveCustomFieldPayload.customField",
    "AttachInternalContactAssignmentPayload.assignment",
    "CreateAccountContactPayload.accountContact",
    "CreateAccountPayload.account",
    "CreateContactTypePayload.contactType",
    "CreateCustomFieldPayload.customField",
    "CreateInternalContactPayload.assignment",
    "CreateInternalContactPayload.internalContact",
    "CreateOrganizationContactPayload.organizationContact",
    "CreateOrganizationPayload.organization",
    "CreatePartnerPayload.partner",
    "DeleteAccountContactPayload.accountContact",
    "DeleteAccountPayload.account",
    "DeleteContactTypePayload.contactType",
    "DeleteInternalContactPayload.internalContact",
    "DeleteOrganizationContactPayload.organizationContact",
    "DeletePartnerPayload.partner",
    "MergeContactsPayload.contact",
    "MoveInternalContactAssignmentPayload.assignment",
    "OrganizationContact.address",
    "RemoveAccountContactFromAccountPayload.accountContact",
    "RestoreAccountContactPayload.accountContact",
    "RestoreAccountPayload.account",
    "RestoreInternalContactPayload.internalContact",
    "RestoreOrganizationContactPayload.organizationContact",
    "RestorePartnerPayload.partner",
    "SetDefaultContactTypePayload.contactType",
    "UpdateAccountContactPayload.accountContact",
    "UpdateAccountPayload.account",
    "UpdateContactTypePayload.contactType",
    "UpdateCustomFieldPayload.customField",
    "UpdateInternalContactPayload.internalContact",
    "UpdateInternalContactRolePayload.assignment",
    "UpdateOrganizationContactPayload.organizationContact",
    "UpdateOrganizationPayload.organization",
    "UpdatePartnerPayload.partner",
    "UpsertAccountContactResult.accountContact",
    "UpsertAccountContactsPayload.results",
    "UpsertAccountResult.account",
    "UpsertAccountsPayload.results",
    "UpsertInternalContactAssignmentResult.assignment",
    "UpsertInternalContactAssignmentsPayload.results",
    "UpsertInternalContactResult.internalContact",
    "UpsertInternalContactsPayload.results",
    "UpsertPartnerResult.partner",
    "UpsertPartnersPayload.results",
];

/// The schema, and what a walk through it finds.
struct Walk<'a> {
    types: &'a [TypeDefinition],
    /// The fields that must be forbidden, each with its path.
    relations: Vec<(String, String)>,
    /// The paths of the fields that must not be null.
    visible: Vec<String>,
    /// The types that were walked through, and the fields of `WRITTEN` that were met.
    met: BTreeSet<String>,
}

impl Walk<'_> {
    /// Selects all that can be selected on a type: fields without objects and what is written by the mutation. Everything
    /// else stands under an alias of its parent, so that what is forbidden there and cannot be null spoils nothing here.
    fn selection(&mut self, ty: &str, path: &str) -> String {
        self.met.insert(ty.to_owned());
        let types = self.types;
        let fields = || output_fields(types).filter(|(owner, _)| *owner == ty).map(|(_, field)| field);
        let mut selection = String::from("__typename ");
        for field in fields() {
            let (name, place) = (field.name.node.as_str(), format!("{ty}.{}", field.name.node));
            if name == "userErrors" {
                selection += "userErrors { code message field index } ";
            } else if self.is_plain(field) {
                selection += &format!("{name} ");
            } else if WRITTEN.contains(&place.as_str()) {
                selection += &self.written(field, &place, &format!("{path}.{name}"));
            } else if ty.ends_with("Payload") || ty.ends_with("Result") {
                selection += &self.relation(field, place, path);
            }
        }
        selection
    }

    fn written(&mut self, field: &FieldDefinition, place: &str, path: &str) -> String {
        self.met.insert(place.to_owned());
        let name = field.name.node.as_str();
        let item = if name == "results" { ".0" } else { "" };
        let ty = named_type(&field.ty.node);
        self.visible.push(format!("{path}{item}"));
        let selection = self.selection(ty, &format!("{path}{item}"));
        let relations = self.relations(ty, &format!("{path}_related"));
        let related = if relations.is_empty() {
            relations
        } else {
            format!("{name}_related: {name} {{ {relations} }} ")
        };
        format!("{name} {{ {selection} }} {related}")
    }

    /// Selects the relations of a record.
    fn relations(&mut self, ty: &str, path: &str) -> String {
        let types = self.types;
        let fields = output_fields(types).filter(|(owner, _)| *owner == ty);
        let mut selection = String::new();
        for (_, field) in fields {
            let place = format!("{ty}.{}", field.name.node);
            let is_part = field.name.node == "userErrors" || WRITTEN.contains(&place.as_str());
            if !self.is_plain(field) && !is_part && !ty.ends_with("Result") {
                selection += &self.relation(field, place, path);
            }
        }
        selection
    }

    fn relation(&mut self, field: &FieldDefinition, place: String, path: &str) -> String {
        let name = field.name.node.as_str();
        self.relations.push((place, format!("{path}.{name}")));
        format!("{name} {{ __typename }} ")
    }

    /// Whether a field has no object.
    fn is_plain(&self, field: &FieldDefinition) -> bool {
        let name = named_type(&field.ty.node);
        let ty = self.types.iter().find(|ty| ty.name.node == name);
        !ty.is_some_and(|ty| {
            matches!(ty.kind, TypeKind::Object(_) | TypeKind::Interface(_) | TypeKind::Union(_))
        })
    }
}

async fn a_write_only_token_sees_the_record_that_it_wrote_and_nothing_else(world: World) {
    let ids = json!(one_of_each(&world.rows()).await);
    let every_scope_but_reading: Vec<Scope> =
        Scope::ALL.into_iter().filter(|scope| *scope != Scope::ContactsRead).collect();
    let writer = world.actor("writer", &[HOME], &every_scope_but_reading);
    let types = types();
    let (mut met, mut relations, mut forbidden) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for call in MUTATIONS {
        let field = output_fields(&types).find_map(|(owner, field)| {
            (owner == "Mutation" && field.name.node == call.field).then_some(field)
        });
        let payload = named_type(&field.expect("a mutation").ty.node);
        let mut walk = Walk { types: &types, relations: Vec::new(), visible: Vec::new(), met };
        let selection = walk.selection(payload, call.field);
        let reply = writer.graphql(&call.mutation_selecting(&selection), ids.clone()).await;

        let value = |path: &str| {
            reply.body.pointer(&format!("/data/{}", path.replace('.', "/"))).unwrap_or(&Value::Null)
        };
        let mut errors: BTreeSet<String> = reply.errors().into_iter().collect();
        for (place, path) in walk.relations {
            if errors.remove(&format!("FORBIDDEN {path}")) {
                forbidden.insert(place.clone());
            }
            assert!(value(&path).is_null(), "{path} is returned: {:#}", reply.body);
            relations.insert(place);
        }
        assert!(errors.is_empty(), "{errors:?}: {:#}", reply.body);
        for path in &walk.visible {
            // A card has no country unless it is given one.
            assert!(!value(path).is_null() || path.ends_with(".country"), "{path} is null: {:#}", reply.body);
        }
        let user_errors = reply.body.pointer(&format!("/data/{}/userErrors", call.field));
        assert_eq!(user_errors, Some(&json!([])), "{}: {:#}", call.field, reply.body);
        met = walk.met;
    }
    // A relation of one record may be null, as that of a floating assignment to its partner.
    assert_eq!(forbidden, relations, "each must be forbidden somewhere");
    let unknown: Vec<&&str> = WRITTEN.iter().filter(|place| !met.contains(**place)).collect();
    assert!(unknown.is_empty(), "these were not met: {unknown:?}");
    for ty in &types {
        let is_record = matches!(&ty.kind, TypeKind::Object(object) if object.implements.iter().any(|it| it.node == "Node"));
        assert!(!is_record || met.contains(ty.name.node.as_str()), "no mutation writes a {}", ty.name.node);
    }
}
