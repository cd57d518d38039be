//! Names of people and companies of sixteen countries, and phone numbers that belong to nobody.
//!
//! Companies are invented. Where a country keeps a range of numbers for fiction (Germany, France, the United Kingdom,
//! Ireland, Sweden, the United States and Canada), the numbers are from there.

/// How many given names and how many family names a country has.
pub(super) const NAMES: usize = 8;
const COMPANIES: usize = 3;

/// What people and companies of a country are called.
pub(super) struct Country {
    pub(super) given_names: [&'static str; NAMES],
    pub(super) family_names: [&'static str; NAMES],
    /// A phone number, with `#` for the digits in which people's numbers differ.
    pub(super) phone: &'static str,
    pub(super) accounts: [&'static str; COMPANIES],
    pub(super) partners: [&'static str; COMPANIES],
}

/// The name of an account: one of each country, then the second of each, and so on.
pub(super) const fn account_name(n: usize) -> &'static str {
    COUNTRIES[n % COUNTRIES.len()].accounts[n / COUNTRIES.len()]
}

/// The name of a partner, in the same order.
pub(super) const fn partner_name(n: usize) -> &'static str {
    COUNTRIES[n % COUNTRIES.len()].partners[n / COUNTRIES.len()]
}

const GERMANY: Country = Country {
    given_names: ["Jörg", "Annika", "Matthias", "Sabine", "Björn", "Käthe", "Florian", "Heike"],
    family_names: ["Müller", "Weiß", "Schröder", "Krüger", "Brandt", "Köhler", "Vogt", "Hoffmann"],
    phone: "+49 30 23125 ###",
    accounts: ["Nordlicht Logistik", "Müritz Maschinenbau", "Hafenkontor Lübeck"],
    partners: ["Weserblick Beratung", "Spreebogen Systemhaus", "Taunusfels Software"],
};

const AUSTRIA: Country = Country {
    given_names: ["Leopold", "Resi", "Günther", "Magdalena", "Xaver", "Walburga", "Severin", "Hannelore"],
    family_names: [
        "Gruber",
        "Höllriegl",
        "Steininger",
        "Pölzl",
        "Moosbrugger",
        "Haslinger",
        "Kärntner",
        "Zöchling",
    ],
    phone: "+43 1 555 0###",
    accounts: ["Almglühen Sportwaren", "Donauufer Versand", "Zirbenholz Möbel"],
    partners: ["Seewinkel Consulting", "Semmeringblick Datentechnik", "Grazer Werkbank"],
};

const SWITZERLAND: Country = Country {
    given_names: ["Urs", "Séverine", "Reto", "Noëlle", "Beat", "Fränzi", "Corsin", "Ladina"],
    family_names: ["Bünzli", "Zürcher", "Aebischer", "Rochat", "Caduff", "Wüthrich", "Favre", "Bernasconi"],
    phone: "+41 44 555 0# ##",
    accounts: ["Gletscherquelle Mineralwasser", "Zürisee Präzision", "Horlogerie du Rhône"],
    partners: ["Bergkristall Informatik", "Lémanique Conseil", "Säntisblick Treuhand"],
};

const NETHERLANDS: Country = Country {
    given_names: ["Sjoerd", "Femke", "Daniël", "Marijke", "Joost", "Zoë", "Maarten", "Liesbeth"],
    family_names: [
        "de Vries",
        "van den Berg",
        "Hoekstra",
        "Dijkstra",
        "van 't Hof",
        "Kuipers",
        "Terpstra",
        "Bos",
    ],
    phone: "+31 20 555 0###",
    accounts: ["Waddenzee Transport", "Tulpenveld Export", "Grachtenhuis Interieur"],
    partners: ["Polderwind Advies", "IJsselkade Software", "Maasbrug Advocaten"],
};

const FRANCE: Country = Country {
    given_names: ["Élodie", "François", "Maëlys", "Rémi", "Hélène", "Gaël", "Chloé", "Jérôme"],
    family_names: ["Lefèvre", "Bénard", "Garçon", "Dupré", "Hébert", "L'Hostis", "Crépin", "Chêne"],
    phone: "+33 1 99 00 ## ##",
    accounts: ["Étoile du Rhône", "Fleuve Énergie", "Maison des Hêtres"],
    partners: ["Conseil Belle Rive", "Lumière Numérique", "Ateliers du Marché"],
};

const SPAIN: Country = Country {
    given_names: ["Íñigo", "María José", "Álvaro", "Begoña", "Joaquín", "Lucía", "Andrés", "Inés"],
    family_names: ["Muñoz", "García", "Ibáñez", "Núñez", "Peña", "Gutiérrez", "Cañizares", "Ordóñez"],
    phone: "+34 915 550 ###",
    accounts: ["Olivares del Sur", "Cerámica Peñalta", "Naranjal Logística"],
    partners: ["Consultoría Almenara", "Soluciones Montaña Azul", "Puente Nuevo Sistemas"],
};

const ITALY: Country = Country {
    given_names: ["Niccolò", "Giulia", "Zoè", "Alessandro", "Noemi", "Tommaso", "Ginevra", "Salvatore"],
    family_names: ["Esposito", "Cantù", "D'Angelo", "Bianchi", "Nicolò", "Lo Presti", "Rinaldi", "Forlì"],
    phone: "+39 06 5550 0###",
    accounts: ["Officine Vesuviane", "Caffè Portanova", "Trasporti Adriatica"],
    partners: ["Studio Belvedere", "Informatica Tre Cime", "Società Lagomare"],
};

const UNITED_KINGDOM: Country = Country {
    given_names: ["Oliver", "Siân", "Hamish", "Zoë", "Rhys", "Imogen", "Callum", "Harriet"],
    family_names: [
        "Ashworth",
        "MacLeod",
        "Pemberton",
        "Llewellyn",
        "Okonkwo",
        "Thackeray",
        "Singh",
        "Brontë",
    ],
    phone: "+44 20 7946 0###",
    accounts: ["Harrow Lane Textiles", "Tyneport Shipping", "Peakland Ceramics"],
    partners: ["Kestrel Hill Consulting", "Brightwater Digital", "Longmeadow Advisory"],
};

const IRELAND: Country = Country {
    given_names: ["Aoife", "Seán", "Róisín", "Cillian", "Gráinne", "Tadhg", "Órla", "Pádraig"],
    family_names: [
        "O'Sullivan",
        "Ní Bhriain",
        "Kavanagh",
        "O'Dowd",
        "Gallagher",
        "Ó Cléirigh",
        "Brennan",
        "Moriarty",
    ],
    phone: "+353 20 910 0###",
    accounts: ["Shannonside Dairy", "Claddagh Instruments", "Wicklow Woollens"],
    partners: ["Emerald Quay Consulting", "Liffey Lane Software", "Burren Stone Solicitors"],
};

const UNITED_STATES: Country = Country {
    given_names: ["Madison", "Tyrone", "Guadalupe", "Ethan", "Keisha", "Wyatt", "Mei-Ling", "Caleb"],
    family_names: ["Washington", "Nakamura", "Delgado", "Whitaker", "Nguyen", "Johnson", "Begay", "Kowalski"],
    phone: "+1 202 555 01##",
    accounts: ["Cascade Trail Outfitters", "Prairie Wind Energy", "Blue Heron Medical"],
    partners: ["Copper Canyon Consulting", "Lakeshore Systems Group", "Redwood Bridge Advisors"],
};

const CANADA: Country = Country {
    given_names: ["Éloïse", "Liam", "Océane", "Gordon", "Amélie", "Graham", "Noémie", "Desmond"],
    family_names: ["Tremblay", "MacKenzie", "Bélanger", "Campbell", "Lévesque", "Sinclair", "Côté", "Osei"],
    phone: "+1 416 555 01##",
    accounts: ["Maple Ridge Robotics", "Érablière des Laurentides", "Northern Loon Freight"],
    partners: ["Harbourfront Analytics", "Conseil Grand Élan", "Aurora Pass Advisory"],
};

const JAPAN: Country = Country {
    given_names: ["Haruka", "Kōji", "Yūki", "Shōta", "Misaki", "Ryō", "Sayuri", "Kentarō"],
    family_names: ["Satō", "Itō", "Kobayashi", "Ōno", "Yamamoto", "Endō", "Fujiwara", "Kudō"],
    phone: "+81 3 5550 0###",
    accounts: ["Sakuragawa Denki", "Hoshizora Bussan", "Yamabuki Seimitsu"],
    partners: ["Mizuumi Consulting", "Kazehikari Systems", "Tsukimi Bōeki"],
};

const INDIA: Country = Country {
    given_names: ["Ananya", "Rohan", "Kavita", "Arjun", "Lakshmi", "Vikram", "Priya", "Sandeep"],
    family_names: ["Iyer", "Chatterjee", "Deshpande", "Reddy", "Kapoor", "Nair", "Mukherjee", "Banerjee"],
    phone: "+91 22 5550 0###",
    accounts: ["Monsoon Leaf Textiles", "Vindhya Spice Exports", "Saffron Lotus Foods"],
    partners: ["Banyan Grove Consulting", "Chandan Tech Services", "Peacock Gate Solutions"],
};

const BRAZIL: Country = Country {
    given_names: ["João", "Conceição", "Thaís", "Antônio", "Letícia", "Caíque", "Luíza", "Estêvão"],
    family_names: [
        "Gonçalves",
        "Simões",
        "Araújo",
        "Magalhães",
        "da Conceição",
        "Corrêa",
        "Falcão",
        "Assunção",
    ],
    phone: "+55 11 5550 0###",
    accounts: ["Ipê Amarelo Alimentos", "São Vento Energia", "Café Serra Clara"],
    partners: ["Conexão Atlântica", "Maré Alta Consultoria", "Jacarandá Sistemas"],
};

const SWEDEN: Country = Country {
    given_names: ["Åsa", "Göran", "Märta", "Håkan", "Linnéa", "Sören", "Frida", "Mårten"],
    family_names: [
        "Björklund",
        "Ångström",
        "Sjöberg",
        "Lindqvist",
        "Öberg",
        "Hägglund",
        "Nyström",
        "Åkesson",
    ],
    phone: "+46 8 465 004 ##",
    accounts: ["Björkdal Trä", "Norrsken Mätteknik", "Sjöstjärnan Rederi"],
    partners: ["Älvstrand Konsult", "Granskog Data", "Fyrljus Rådgivning"],
};

const POLAND: Country = Country {
    given_names: ["Wojciech", "Małgorzata", "Łukasz", "Agnieszka", "Stanisław", "Bożena", "Paweł", "Żaneta"],
    family_names: ["Wójcik", "Dąbek", "Kaźmierczak", "Zając", "Łuczak", "Więcek", "Gołąb", "Świątek"],
    phone: "+48 22 555 0# ##",
    accounts: ["Złoty Łan", "Nadwiślańskie Meble", "Bursztynowa Żegluga"],
    partners: ["Dębowa Konsulting", "Gdańska Przystań Systemy", "Zielona Łąka"],
};

/// The countries.
pub(super) const COUNTRIES: [Country; 16] = [
    GERMANY,
    FRANCE,
    UNITED_STATES,
    SPAIN,
    SWEDEN,
    JAPAN,
    AUSTRIA,
    POLAND,
    BRAZIL,
    UNITED_KINGDOM,
    ITALY,
    INDIA,
    SWITZERLAND,
    CANADA,
    NETHERLANDS,
    IRELAND,
];
