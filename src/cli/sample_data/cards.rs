//! The organization contacts of the sample data: cards of all six types, with addresses of many countries.
//!
//! Streets and postal codes are plausible for their cities; nobody lives there. Phone numbers stand as people write
//! them, because there they are free text.

use crate::{
    entity::organization_contact::OrganizationContactType::{
        self, Commercial, CompanyAddress, Finance, InvoiceAddress, ShippingAddress, Technical,
    },
    service::{Patch, organization_contact::Card},
};

/// A card; what is empty is not on it.
pub(super) struct SampleCard {
    pub(super) kind: OrganizationContactType,
    title: &'static str,
    name: &'static str,
    department: &'static str,
    street: &'static str,
    secondary_address: &'static str,
    zipcode: &'static str,
    city: &'static str,
    state: &'static str,
    country_id: &'static str,
    email: &'static str,
    phone: &'static str,
    mobile: &'static str,
    purchase_order_number: &'static str,
}

impl SampleCard {
    /// The card as the service takes it.
    pub(super) fn card(&self) -> Card {
        Card {
            name: patch(self.name),
            title: patch(self.title),
            department: patch(self.department),
            street: patch(self.street),
            secondary_address: patch(self.secondary_address),
            zipcode: patch(self.zipcode),
            city: patch(self.city),
            state: patch(self.state),
            country_id: patch(self.country_id),
            email: patch(self.email),
            phone: patch(self.phone),
            mobile: patch(self.mobile),
            purchase_order_number: patch(self.purchase_order_number),
        }
    }
}

fn patch(text: &str) -> Patch<String> {
    if text.is_empty() { Patch::Keep } else { Patch::Set(text.to_owned()) }
}

const fn blank(kind: OrganizationContactType) -> SampleCard {
    SampleCard {
        kind,
        title: "",
        name: "",
        department: "",
        street: "",
        secondary_address: "",
        zipcode: "",
        city: "",
        state: "",
        country_id: "",
        email: "",
        phone: "",
        mobile: "",
        purchase_order_number: "",
    }
}

/// The cards: two of each type for the first organization, one of each for the second.
pub(super) const CARDS: [SampleCard; 18] = [
    SampleCard {
        title: "Frau",
        name: "Käthe Schröder",
        department: "Vertrieb",
        city: "Hamburg",
        country_id: "276",
        email: "vertrieb@anker-segel.example",
        phone: "030 23125-110",
        ..blank(Commercial)
    },
    SampleCard {
        title: "Mr",
        name: "Rhys Llewellyn",
        department: "Platform operations",
        city: "London",
        country_id: "826",
        email: "platform@anker-segel.example",
        phone: "020 7946 0112",
        mobile: "07700 900112",
        ..blank(Technical)
    },
    SampleCard {
        name: "Accounts payable",
        department: "Finance",
        city: "Dublin",
        country_id: "372",
        email: "payables@anker-segel.example",
        phone: "020 910 0113",
        ..blank(Finance)
    },
    SampleCard {
        name: "Magazijn Haven",
        department: "Goederenontvangst",
        street: "Kadeweg 114",
        secondary_address: "Dock 7",
        zipcode: "3011 AB",
        city: "Rotterdam",
        country_id: "528",
        email: "magazijn@anker-segel.example",
        ..blank(ShippingAddress)
    },
    SampleCard {
        name: "Anker & Segel International GmbH",
        street: "Große Ankerstraße 15",
        secondary_address: "Hinterhaus, 3. OG",
        zipcode: "20457",
        city: "Hamburg",
        country_id: "276",
        email: "info@anker-segel.example",
        phone: "+49 (0)30 23125-115",
        ..blank(CompanyAddress)
    },
    SampleCard {
        name: "Anker & Segel France SARL",
        department: "Comptabilité fournisseurs",
        street: "16 bis, rue de l'Été",
        secondary_address: "Bâtiment C",
        zipcode: "69002",
        city: "Lyon",
        country_id: "250",
        email: "factures@anker-segel.example",
        phone: "01 99 00 01 16",
        purchase_order_number: "PO-2026-004711",
        ..blank(InvoiceAddress)
    },
    SampleCard {
        title: "Dña.",
        name: "Begoña Ibáñez",
        department: "Compras",
        city: "Sevilla",
        country_id: "724",
        email: "compras@anker-segel.example",
        ..blank(Commercial)
    },
    SampleCard {
        title: "様",
        name: "佐藤 遥",
        department: "技術部",
        city: "東京都千代田区",
        country_id: "392",
        email: "gijutsu@anker-segel.example",
        ..blank(Technical)
    },
    SampleCard {
        title: "Dott.ssa",
        name: "Ginevra Cantù",
        department: "Tesoreria",
        city: "Milano",
        country_id: "380",
        email: "tesoreria@anker-segel.example",
        ..blank(Finance)
    },
    SampleCard {
        name: "Receiving, Warehouse 4",
        street: "1200 Lighthouse Avenue",
        secondary_address: "Suite 400",
        zipcode: "98101",
        city: "Seattle",
        state: "WA",
        country_id: "840",
        email: "receiving@anker-segel.example",
        phone: "(202) 555-0120",
        ..blank(ShippingAddress)
    },
    SampleCard {
        name: "Anker & Segel do Brasil Ltda.",
        street: "Alameda dos Ipês, 121",
        secondary_address: "Conjunto 32",
        zipcode: "01310-100",
        city: "São Paulo",
        state: "SP",
        country_id: "076",
        email: "contato@anker-segel.example",
        ..blank(CompanyAddress)
    },
    SampleCard {
        name: "Anker & Segel Sverige AB",
        department: "Leverantörsreskontra",
        street: "Ångbåtsgatan 22",
        zipcode: "111 20",
        city: "Stockholm",
        country_id: "752",
        email: "faktura@anker-segel.example",
        phone: "08-465 004 22",
        purchase_order_number: "BEST/2026/Å-0815",
        ..blank(InvoiceAddress)
    },
    SampleCard {
        title: "Herr Mag.",
        name: "Severin Höllriegl",
        department: "Einkauf",
        city: "Wien",
        country_id: "040",
        email: "einkauf@leuchtturm-labs.example",
        ..blank(Commercial)
    },
    SampleCard {
        title: "Ms",
        name: "Kavita Deshpande",
        department: "Network engineering",
        city: "Pune",
        state: "Maharashtra",
        country_id: "356",
        email: "network@leuchtturm-labs.example",
        ..blank(Technical)
    },
    SampleCard {
        title: "Pani",
        name: "Małgorzata Dąbek",
        department: "Księgowość",
        city: "Gdańsk",
        country_id: "616",
        email: "ksiegowosc@leuchtturm-labs.example",
        ..blank(Finance)
    },
    SampleCard {
        name: "Quai de réception",
        street: "26, chemin des Érables",
        zipcode: "H2X 1Y4",
        city: "Montréal",
        state: "QC",
        country_id: "124",
        email: "reception@leuchtturm-labs.example",
        phone: "416 555-0126",
        ..blank(ShippingAddress)
    },
    SampleCard {
        name: "Leuchtturm Labs AG",
        street: "Säumerweg 27",
        zipcode: "8001",
        city: "Zürich",
        state: "ZH",
        country_id: "756",
        email: "info@leuchtturm-labs.example",
        ..blank(CompanyAddress)
    },
    SampleCard {
        name: "Leuchtturm Labs Ireland Ltd",
        department: "Accounts payable",
        street: "28 Lantern Quay",
        zipcode: "D02 X285",
        city: "Dublin",
        country_id: "372",
        email: "invoices@leuchtturm-labs.example",
        purchase_order_number: "LL-000128",
        ..blank(InvoiceAddress)
    },
];
