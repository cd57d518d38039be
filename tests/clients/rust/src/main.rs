//! Reads all contacts of an account in pages, renames the first, and tries so again with the version that is past.
//!
//!     contact-gateway-rust-client ENDPOINT TOKEN ORGANIZATION ACCOUNT
//!
//! Writes one line for each contact, its id, and last what the two renamings came to.

use std::error::Error;

use graphql_client::{GraphQLQuery, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;

// The schema's own scalars; all but JSON are strings.
type DateTime = String;
type EmailAddress = String;
type PhoneNumber = String;
#[expect(clippy::upper_case_acronyms, reason = "generated code calls scalars as the schema does")]
type URL = String;
#[expect(clippy::upper_case_acronyms, reason = "generated code calls scalars as the schema does")]
type JSON = serde_json::Value;

#[derive(GraphQLQuery)]
#[graphql(
    schema_path = "../../../schema.graphql",
    query_path = "src/operations.graphql",
    response_derives = "Debug",
    skip_serializing_none
)]
struct ContactsPage;

#[derive(GraphQLQuery)]
#[graphql(
    schema_path = "../../../schema.graphql",
    query_path = "src/operations.graphql",
    response_derives = "Debug, PartialEq",
    skip_serializing_none
)]
struct RenameContact;

const PAGE: i64 = 40;

struct Gateway {
    endpoint: String,
    token: String,
    organization: String,
}

impl Gateway {
    fn send<Operation: GraphQLQuery>(
        &self,
        variables: Operation::Variables,
    ) -> Result<Operation::ResponseData, Box<dyn Error>>
    where
        Operation::Variables: Serialize,
        Operation::ResponseData: DeserializeOwned,
    {
        let response: Response<Operation::ResponseData> = ureq::post(&self.endpoint)
            .header("authorization", format!("Bearer {}", self.token))
            .header("x-org-id", &self.organization)
            .send_json(Operation::build_query(variables))?
            .body_mut()
            .read_json()?;
        match response.errors {
            Some(errors) => Err(errors[0].message.clone().into()),
            None => response.data.ok_or_else(|| "neither data nor errors".into()),
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let [_, endpoint, token, organization, account] = std::env::args()
        .collect::<Vec<_>>()
        .try_into()
        .map_err(|_| "usage: contact-gateway-rust-client ENDPOINT TOKEN ORGANIZATION ACCOUNT")?;
    let gateway = Gateway { endpoint, token, organization };

    let contacts = all_contacts(&gateway, &account)?;
    for contact in &contacts {
        println!("{}", contact.id);
    }
    let first = contacts.first().ok_or("the account has no contacts")?;
    println!("{}", rename(&gateway, first, "Ada")?);
    println!("{}", rename(&gateway, first, "Grace")?);
    Ok(())
}

fn all_contacts(
    gateway: &Gateway,
    account: &str,
) -> Result<Vec<contacts_page::ContactsPageContactsNodes>, Box<dyn Error>> {
    let mut contacts = Vec::new();
    let mut after = None;
    loop {
        let page = gateway
            .send::<ContactsPage>(contacts_page::Variables {
                account_id: account.into(),
                first: PAGE,
                after,
            })?
            .contacts
            .ok_or("no list in the response")?;
        contacts.extend(page.nodes);
        if !page.page_info.has_next_page {
            return Ok(contacts);
        }
        after = page.page_info.end_cursor;
    }
}

/// Renames the contact as it was read, and says what came of it.
fn rename(
    gateway: &Gateway,
    contact: &contacts_page::ContactsPageContactsNodes,
    first_name: &str,
) -> Result<String, Box<dyn Error>> {
    let input = rename_contact::UpdateAccountContactInput {
        id: contact.id.clone(),
        first_name: Some(first_name.into()),
        expected_version: Some(contact.version),
        last_name: None,
        email: None,
        phone: None,
        contact_type_id: None,
        avatar_url: None,
        account_ids: None,
        custom_field_values: None,
        metadata: None,
        remote_id: None,
    };
    let answer = gateway.send::<RenameContact>(rename_contact::Variables { input })?;
    let payload = answer.update_account_contact.ok_or("no payload in the response")?;
    match payload.user_errors.first() {
        None => Ok(format!("renamed to {}", payload.account_contact.ok_or("no contact")?.display_name)),
        Some(error) if error.code == rename_contact::UserErrorCode::CONFLICT => {
            Ok("refused: it has changed".into())
        }
        Some(error) => Err(error.message.clone().into()),
    }
}
