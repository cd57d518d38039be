//! People are found by the names of their companies, also after changes of either.

use contact_gateway::entity::internal_contact_assignment::InternalRole::{Csm, Lead};
use serde_json::{Value, json};

use crate::support::{Actor, World, on_both};

on_both!(
    account_contacts_are_found_by_their_accounts,
    internal_contacts_are_found_by_their_partners,
    companies_without_words_are_harmless,
);

/// The emails of the people that a search finds.
async fn found(actor: &Actor, list: &str, query: &str) -> Vec<String> {
    let document = format!(
        "query($search: String!) {{
            {list}(filter: {{ search: $search }}) {{ nodes {{ email }} }}
            contacts(filter: {{ search: $search }}) {{ nodes {{ email }} }}
        }}"
    );
    let reply = actor.graphql(&document, json!({ "search": query })).await;
    let nodes = reply.list(&format!("/{list}/nodes"));
    assert_eq!(nodes, reply.list("/contacts/nodes"), "{query}");
    nodes.iter().map(|node| node["email"].as_str().expect("an email").to_owned()).collect()
}

async fn done(actor: &Actor, mutation: &str, input: Value) {
    let reply = actor.mutate(mutation, input, "__typename").await;
    assert_eq!(reply.user_errors(mutation), [""; 0], "{}", reply.body);
}

async fn account_contacts_are_found_by_their_accounts(world: World) {
    let (rows, writer) = (world.rows(), world.writer());
    let (globex, initech) = (rows.account("Globex Größe").await, rows.account("Initech").await);
    let ada = rows.account_contact("ada@example.com", &[&globex]).await;
    rows.account_contact("grace@example.com", &[&globex, &initech]).await;
    let (globex, initech, ada) = (globex.id.to_string(), initech.id.to_string(), ada.id.to_string());
    let both = ["ada@example.com", "grace@example.com"];
    let found = async |query: &str| found(&writer, "accountContacts", query).await;
    assert_eq!(found("globex").await, both);
    assert_eq!(found("grosse ada").await, both[..1]);
    assert_eq!(found("initech").await, both[1..]);
    assert_eq!(found("initech globex").await, both[1..]);

    let link = json!({ "accountContactId": ada, "accountId": initech });
    done(&writer, "addAccountContactToAccount", link.clone()).await;
    assert_eq!(found("initech").await, both);
    done(&writer, "removeAccountContactFromAccount", link).await;
    assert_eq!(found("initech").await, both[1..]);
    assert_eq!(found("globex").await, both);

    let renamed = json!({ "id": globex, "name": "Hooli", "primaryDomain": "hooli.example" });
    done(&writer, "updateAccount", renamed).await;
    assert_eq!(found("globex").await, [""; 0]);
    assert_eq!(found("hooli").await, both);
    assert_eq!(found("hooli.example").await, both);
    done(&writer, "deleteAccount", json!({ "id": globex })).await;
    assert_eq!(found("hooli").await, [""; 0]);
    assert_eq!(found("initech").await, both[1..]);
    done(&writer, "restoreAccount", json!({ "id": globex })).await;
    assert_eq!(found("hooli").await, both);

    let identified = json!({ "id": globex, "remoteId": "r-1" });
    done(&writer, "updateAccount", identified).await;
    let renamed = json!({ "rows": [{ "name": "Pied Piper", "remoteId": "r-1" }] });
    done(&writer, "upsertAccounts", renamed).await;
    assert_eq!(found("pied piper").await, both);
    // The domain is still the same.
    assert_eq!(found("hooli example").await, both);
}

async fn internal_contacts_are_found_by_their_partners(world: World) {
    let (rows, writer) = (world.rows(), world.writer());
    let globex = rows.partner("Globex", Some("r-1")).await;
    let initech = rows.partner("Initech", None).await;
    let lead = rows.assignment("ada@example.com", Lead, &globex).await.assignment.id.to_string();
    rows.assignment("ada@example.com", Csm, &globex).await;
    rows.assignment("grace@example.com", Lead, &globex).await;
    let floating = rows.internal_contact("hedy@example.com", Lead).await.assignment.id.to_string();
    let (globex, initech) = (globex.id.to_string(), initech.id.to_string());
    let [ada, grace, hedy] = ["ada@example.com", "grace@example.com", "hedy@example.com"];
    let found = async |query: &str| found(&writer, "internalContacts", query).await;
    assert_eq!(found("globex").await, [ada, grace]);

    let attached = json!({ "assignmentId": floating, "partnerId": initech });
    done(&writer, "attachInternalContactAssignment", attached).await;
    assert_eq!(found("initech").await, [hedy]);
    let moved = json!({ "assignmentId": lead, "partnerId": initech });
    done(&writer, "moveInternalContactAssignment", moved).await;
    assert_eq!(found("initech").await, [ada, hedy]);
    // Another assignment is still there.
    assert_eq!(found("globex").await, [ada, grace]);
    done(&writer, "removeInternalContactAssignment", json!({ "assignmentId": lead })).await;
    assert_eq!(found("initech").await, [hedy]);

    done(&writer, "updatePartner", json!({ "id": globex, "name": "Hooli" })).await;
    assert_eq!(found("globex").await, [""; 0]);
    assert_eq!(found("hooli").await, [ada, grace]);
    let renamed = json!({ "rows": [{ "name": "Pied Piper", "remoteId": "r-1" }] });
    done(&writer, "upsertPartners", renamed).await;
    assert_eq!(found("hooli").await, [""; 0]);
    assert_eq!(found("pied piper").await, [ada, grace]);
    done(&writer, "deletePartner", json!({ "id": globex })).await;
    assert_eq!(found("pied").await, [""; 0]);
    done(&writer, "restorePartner", json!({ "id": globex })).await;
    assert_eq!(found("pied").await, [ada, grace]);
}

/// A name like that gives no word, and must leave no gap between those of others.
async fn companies_without_words_are_harmless(world: World) {
    let (rows, writer) = (world.rows(), world.writer());
    let mut accounts = Vec::new();
    for name in ["Globex", "!!!", "Initech", "💥", "Hooli"] {
        let partner = rows.partner(name, None).await;
        rows.assignment("ada@example.com", Lead, &partner).await;
        accounts.push(rows.account(name).await);
    }
    let accounts: Vec<_> = accounts.iter().collect();
    rows.account_contact("grace@example.com", &accounts).await;
    rows.account_contact("hedy@example.com", &accounts[1..2]).await;
    for query in ["globex", "initech", "hooli", "hooli globex initech"] {
        assert_eq!(found(&writer, "internalContacts", "ada").await, ["ada@example.com"]);
        let document = "query($search: String!) { contacts(filter: { search: $search }) { totalCount } }";
        let reply = writer.graphql(document, json!({ "search": query })).await;
        assert_eq!(reply.data("/contacts/totalCount"), 2, "{query}");
    }
    assert_eq!(found(&writer, "accountContacts", "hedy").await, ["hedy@example.com"]);
}
