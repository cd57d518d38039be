//! Why a client's message is not one of the protocol, in the words of the reason that its socket is closed with.

use std::borrow::Cow;

use async_graphql::http::WebSocketProtocols as Subprotocol;

use super::message::ID_LIMIT;
use crate::{
    http::{
        graphql_request::{Members, wrong_member},
        request_memory::check_json,
    },
    service::json::json_text,
};

/// The most bytes of the reason in a close frame (RFC 6455, section 5.5).
const REASON_LIMIT: usize = 123;

/// The reason for a message of this text.
pub(super) fn of_message(text: &str, subprotocol: Subprotocol) -> Cow<'static, str> {
    let text = json_text(text.as_bytes());
    let is_valid = check_json(&text).is_ok();
    let Some(message) = serde_json::from_slice::<Members<'_>>(&text).ok().filter(|_| is_valid) else {
        return "A message must be a JSON object with the member type. Send it as text.".into();
    };
    let (start, stop, types) = match subprotocol {
        Subprotocol::SubscriptionsTransportWS => {
            ("start", "stop", "connection_init, start, stop, connection_terminate")
        }
        Subprotocol::GraphQLWS => {
            ("subscribe", "complete", "connection_init, subscribe, complete, ping, pong")
        }
    };
    let member = |name: &str| message.get(name).map_or("null", |value| value.get());
    let text_of = |name: &str| serde_json::from_str::<String>(member(name)).unwrap_or_default();
    let has_id = (1..=ID_LIMIT).contains(&text_of("id").len());
    match &*text_of("type") {
        "connection_init" => "The payload of connection_init must be an object.".into(),
        ty if (ty == start || ty == stop) && !has_id => {
            format!("The member id of {ty} must be a string of 1 to {ID_LIMIT} bytes.").into()
        }
        ty if ty == start => match serde_json::from_str(member("payload")) {
            Ok(request) => {
                let wrong = wrong_member(&request);
                format!("The payload of {ty} is no GraphQL request.{wrong}").into()
            }
            Err(_) => format!("The payload of {ty} must be an object with the member query.").into(),
        },
        ty if types.split(", ").any(|it| it == ty) => "Send each member of a message once.".into(),
        _ => format!("The type of a message must be one of {types}.").into(),
    }
}

/// A text as a reason: as much of it as fits.
pub(super) fn shortened(reason: Cow<'static, str>) -> Cow<'static, str> {
    if reason.len() <= REASON_LIMIT {
        return reason;
    }
    reason[..reason.floor_char_boundary(REASON_LIMIT)].to_owned().into()
}
