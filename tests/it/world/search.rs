//! Search: what is an accent in a script is ignored, and nothing else is.

use serde_json::json;

use super::{count, forms, mutated};
use crate::support::{World, on_both};

on_both!(
    accents_of_each_script_are_ignored_and_letters_are_not,
    apostrophes_and_hidden_characters_do_not_count,
    exact_names_come_first,
    people_and_companies_are_found_alike,
);

/// A script, a name, the queries that find it, and those that do not.
type Row = (&'static str, &'static str, &'static [&'static str], &'static [&'static str]);

const SCRIPTS: &[Row] = &[
    (
        "Latin",
        "Zoë Größe",
        &["zoe", "ZOË", "Zoe\u{308}", "grosse", "GRÖSSE", "größe", "zoé"],
        &["zo e", "grobe", "zoh"],
    ),
    (
        "Latin",
        "Łukasz Ørsted Æsir",
        &["lukasz", "ŁUKASZ", "orsted", "aesir", "Ørsted"],
        &["ukasz", "rsted", "asir"],
    ),
    ("Latin", "Peña Niño Ça", &["pena", "PEÑA", "nino", "ca"], &["penya", "pela"]),
    ("Latin", "Čapek Dvořák Škoda", &["capek", "dvorak", "DVORÁK", "skoda"], &["shkoda"]),
    ("Latin", "ﬁnance № ①", &["finance", "no", "1", "ＦＩＮＡＮＣＥ"], &["inance"]),
    ("Latin", "Ångström", &["angstrom", "\u{212b}ngstro\u{308}m"], &["ongstrom"]),
    (
        "Greek",
        "Αλέξης Παπαδόπουλος",
        &["αλεξησ", "ΑΛΈΞΗΣ", "αλέξης", "παπαδοπουλοσ", "ΠΑΠΑΔΌΠΟΥΛΟΣ", "αλε\u{301}ξ"],
        &["αλαξης", "αλιξης"],
    ),
    ("Greek", "ᾍδης Ϊός", &["αδησ", "αδης", "ιος", "Ιός", "ϊόσ"], &["εδης"]),
    ("Cyrillic", "Артём Королёв", &["артем", "АРТЁМ", "королев", "Королёв"], &["артом", "королив"]),
    (
        "Cyrillic",
        "Сергей Андрей",
        &["сергей", "СЕРГЕЙ", "серге\u{438}\u{306}", "андрей"],
        &["сергеи", "андреи"],
    ),
    ("Cyrillic", "Київ Їжак", &["київ", "КИЇВ", "їжак"], &["киів", "іжак"]),
    ("Cyrillic", "Ива\u{301}н Ѓорѓи", &["иван", "ИВАН", "ѓорѓи", "ЃОРЃИ"], &["горги", "йван"]),
    ("Cyrillic", "Караткевіч Ўладзімір", &["ўладзімір", "ЎЛАДЗІМІР"], &["уладзімір"]),
    ("Arabic", "مُحَمَّد", &["محمد", "مُحمد", "مـحـمـد", "مُحَمَّد"], &["محمود", "مهمد"]),
    ("Arabic", "أحمد إبراهيم آدم", &["احمد", "أحمد", "ابراهيم", "ادم", "آدم"], &["عحمد"]),
    ("Arabic", "رؤوف هانئ", &["رؤوف", "هانئ"], &["رووف", "هاني"]),
    ("Arabic", "سارة عبد الله", &["سارة", "ســارة", "الله", "ﷲ"], &["ساره"]),
    ("Arabic", "می\u{200c}خواهم", &["می\u{200c}خواهم", "میخواهم"], &["می خواهم"]),
    ("Hebrew", "שָׁלוֹם", &["שלום", "שָׁלוֹם", "שׁלום", "שלו"], &["שלים", "סלום"]),
    ("Hebrew", "יִצְחָק רַבִּין", &["יצחק", "רבין", "רַבִּין"], &["יצחאק"]),
    ("Hebrew", "ג׳ורג׳", &["ג'ורג'", "ג׳ורג׳", "ג’ורג’"], &["גורג"]),
    ("Devanagari", "हिन्दी शिव", &["हिन्दी", "हिन", "शिव"], &["हन्दी", "हीन्दी", "शव", "हिनदी"]),
    ("Devanagari", "राम रमा", &["राम", "रमा"], &["रामा", "रिम"]),
    ("Devanagari", "क़ुरैशी", &["क़ुरैशी", "\u{958}ुरैशी", "\u{915}\u{93c}ुरैशी"], &["कुरैशी"]),
    ("Devanagari", "अग्नि\u{951}", &["अग्नि"], &["आग्नि"]),
    ("Tamil", "தமிழ் கொடி", &["தமிழ்", "தமி", "கொடி", "க\u{bc6}\u{bbe}டி"], &["தமழ்", "கெடி", "தாமிழ்"]),
    ("Tamil", "ஸ்ரீ கௌரி", &["ஸ்ரீ", "கௌரி"], &["ஸர", "கரி"]),
    ("Thai", "น้ำ สมชาย", &["น้ำ", "สมชาย", "สม"], &["นา", "นำ", "สามชาย"]),
    ("Thai", "ที่ดี กุ้ง", &["ที่ดี", "กุ้ง"], &["ทดี", "กุง", "กง"]),
    (
        "Korean",
        "한국 김민수",
        &["한국", "한", "\u{1112}\u{1161}\u{11ab}국", "김민", "김민수"],
        &["하", "핟국", "기민수", "킴민수"],
    ),
    ("Korean", "강남 카카오", &["강남", "카카오"], &["가", "간남"]),
    (
        "Japanese",
        "ガラス ばら",
        &["ガラス", "カ\u{3099}ラス", "ｶﾞﾗｽ", "ばら", "は\u{3099}ら"],
        &["カラス", "はら", "ぱら"],
    ),
    ("Japanese", "パリ ハリ商事", &["パリ", "ﾊﾟﾘ", "ハ\u{309a}リ", "ハリ"], &["バリ"]),
    ("Japanese", "東京タワー", &["東京", "東京タワー", "東京ﾀﾜｰ"], &["京都"]),
    ("Japanese", "か\u{309b}くえん", &["がくえん", "か\u{3099}くえん"], &["かくえん"]),
    (
        "Turkish",
        "İstanbul Işık",
        &["istanbul", "İSTANBUL", "ISTANBUL", "isik", "ışık", "IŞIK", "işik"],
        &["stanbul"],
    ),
    ("Turkish", "Çağrı Öztürk", &["cagri", "ÇAĞRI", "cağrı", "ozturk", "ÖZTÜRK"], &["chagri"]),
    (
        "Vietnamese",
        "Nguyễn Đặng",
        &["nguyen", "NGUYỄN", "Nguye\u{302}\u{303}n", "dang", "ĐẶNG", "đang"],
        &["nguyin", "tang"],
    ),
    ("Vietnamese", "Phở Huế Ơn", &["pho", "phơ", "hue", "on"], &["phu"]),
    ("Armenian", "Արմեն", &["արմեն", "ԱՐՄԵՆ"], &["արման"]),
    ("Georgian", "თბილისი", &["თბილისი", "ᲗᲑᲘᲚᲘᲡᲘ"], &["ტბილისი"]),
    ("Bengali", "বাংলা ড়", &["বাংলা", "ড\u{9bc}"], &["বংলা"]),
    ("Han", "葛\u{e0100}飾", &["葛飾", "葛"], &["飾"]),
];

async fn accents_of_each_script_are_ignored_and_letters_are_not(world: World) {
    for (script, name, found, not_found) in SCRIPTS {
        // Each alone in the list, so that one name does not stand for another.
        let remote_id = json!({ "name": name });
        let id = mutated(&world.writer(), "createPartner", remote_id, "partner", "id").await;
        let id = id.expect("a partner").expect("an id");
        let found_by = async |query: &str| {
            let filter = json!({ "search": query, "id": { "eq": id } });
            count(&world, "partners", filter).await == 1
        };
        for query in *found {
            for form in forms(query).iter().map(String::as_str).chain([*query]) {
                assert!(found_by(form).await, "{script}: {form:?} finds {name:?}");
            }
        }
        for form in forms(name) {
            assert!(found_by(&form).await, "{script}: {form:?} finds {name:?}");
        }
        for query in *not_found {
            assert!(!found_by(query).await, "{script}: {query:?} does not find {name:?}");
        }
    }
}

/// Apostrophes as keyboards, word processors and linguists write them.
const APOSTROPHES: [&str; 15] = ["'", "’", "‘", "‛", "`", "´", "ʼ", "ʻ", "ʹ", "ʾ", "ʿ", "ˈ", "＇", "′", "׳"];

async fn apostrophes_and_hidden_characters_do_not_count(world: World) {
    let writer = world.writer();
    for (at, apostrophe) in APOSTROPHES.iter().enumerate() {
        let name = format!("O{apostrophe}Brien Marʼyana{at:02}");
        assert!(mutated(&writer, "createPartner", json!({ "name": name }), "partner", "id").await.is_ok());
        for other in APOSTROPHES {
            for query in [format!("o{other}brien mar{other}yana{at:02}"), format!("O{other}BRI yana{at:02}")]
            {
                assert_eq!(count(&world, "partners", json!({ "search": query })).await, 1, "{query}");
            }
        }
    }
    for (name, query) in [
        ("Donau\u{ad}dampf\u{ad}schiff", "donaudampfschiff"),
        ("Donaudampf", "donau\u{ad}dampf"),
        ("Kraft\u{200b}werk", "kraftwerk"),
        ("Gesellschaft", "gesell\u{200d}schaft"),
        ("\u{feff}Initech", "initech"),
        ("Hooli\u{2060}Gan", "HOOLIGAN"),
        ("Umbrella", "\u{202e}umbrella\u{202c}"),
        ("کتاب\u{200c}ها", "کتابها"),
    ] {
        assert!(mutated(&writer, "createPartner", json!({ "name": name }), "partner", "id").await.is_ok());
        assert!(count(&world, "partners", json!({ "search": query })).await >= 1, "{query:?} finds {name:?}");
    }
}

/// The names of the partners that a search finds, in its order.
async fn names(world: &World, query: &str) -> Vec<String> {
    let document = "query($search: String!) { partners(filter: { search: $search }) { nodes { name } } }";
    let reply = world.reader().graphql(document, json!({ "search": query })).await;
    reply
        .list("/partners/nodes")
        .iter()
        .map(|node| node["name"].as_str().expect("a name").to_owned())
        .collect()
}

async fn exact_names_come_first(world: World) {
    let long = "one two three four five six seven";
    for name in [
        "ガラス工業",
        "ガラス",
        "大ガラス ガラス",
        "Ада Лавлейс",
        "Ада",
        "Адам",
        "Zoë & Co.",
        "Zoë",
        "Big Zoë",
        "O’Neil",
        "O'Neil Ltd",
        "one two three four five six eight",
        "one two three four five six",
        long,
        "한국전력",
        "한국",
    ] {
        world.rows().partner(name, None).await;
    }
    for (query, expected) in [
        ("ｶﾞﾗｽ", &["ガラス", "ガラス工業", "大ガラス ガラス"][..]),
        ("АДА", &["Ада", "Ада Лавлейс", "Адам"]),
        ("zoe", &["Zoë", "Zoë & Co.", "Big Zoë"]),
        ("o'neil", &["O’Neil", "O'Neil Ltd"]),
        ("한국", &["한국", "한국전력"]),
    ] {
        assert_eq!(names(&world, query).await, expected, "{query}");
    }
    // More words than count still say which name is meant.
    assert_eq!(names(&world, long).await[0], long);
    assert_eq!(names(&world, "one two three four five six").await[0], "one two three four five six");
}

async fn people_and_companies_are_found_alike(world: World) {
    let writer = world.writer();
    let account = json!({ "name": "Кофейня Ёлка" });
    let account = mutated(&writer, "createAccount", account, "account", "id").await;
    let account = account.expect("an account").expect("an id");
    let contact = json!({
        "firstName": "हिन्दी", "lastName": "Nguyễn", "email": "info@bücher.example", "accountIds": [account],
    });
    assert!(mutated(&writer, "createAccountContact", contact, "accountContact", "id").await.is_ok());
    for (query, is_found) in [
        ("हिन्दी", true),
        ("हन्दी", false),
        ("nguyen", true),
        ("елка", true),
        ("кофейня", true),
        ("кофеиня", false),
        ("हिन्दी елка", true),
        ("nguyen кофейня", true),
        ("info@xn--bcher-kva.example", true),
        ("bucher", true),
        ("bücher", true),
    ] {
        for list in ["accountContacts", "contacts"] {
            assert_eq!(
                count(&world, list, json!({ "search": query })).await,
                usize::from(is_found),
                "{list} {query}"
            );
        }
    }
}
