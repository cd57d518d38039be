//! The three families of routes: how each names what the services call otherwise, and how it tells of errors.
//!
//! A problem comes here as the services or the middleware found it, and leaves as the family's documents describe it.

use std::borrow::Cow;

use axum::http::StatusCode;
use serde_json::Value;

use super::{
    problem::{Fault, Kind, Part, Problem, Rule},
    refusal::{ApiError, HttpError, ValidationErrors},
};
use crate::error::{InputError, InputErrorCode};

/// Whose documents a route follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Family {
    /// Internal contacts and the partners that they look after: Stuut v2.
    Internal,
    /// Contacts of accounts: Thena v1.
    Account,
    /// Cards of an organization: emnify v1.
    Organization,
}

impl Family {
    /// All of them.
    pub(super) const ALL: [Self; 3] = [Self::Internal, Self::Account, Self::Organization];

    /// The name of its errors' schema in the OpenAPI document.
    pub(super) const fn error_schema(self) -> &'static str {
        match self {
            Self::Internal => "ValidationErrors",
            Self::Account => "HttpError",
            Self::Organization => "ApiError",
        }
    }

    /// The status and the body that tell of a problem.
    pub(super) fn told(self, problem: Problem) -> (StatusCode, Value) {
        let Problem { kind, message, mut faults, input, .. } = problem;
        let kind = if input.is_empty() { kind } else { self.kind(&input) };
        faults.extend(input.into_iter().map(|error| self.fault(error)));
        let status = self.status(kind);
        let body = match self {
            Self::Internal => serde_json::to_value(ValidationErrors::of(kind, &message, &faults)),
            Self::Account => serde_json::to_value(HttpError::of(status, kind, &message, &faults)),
            Self::Organization => serde_json::to_value(ApiError::of(status, kind, &message, &faults)),
        };
        // Texts and numbers can always be written.
        (status, body.unwrap_or_default())
    }

    /// The status that the family has for a kind of problem.
    pub(super) const fn status(self, kind: Kind) -> StatusCode {
        match kind {
            Kind::Unauthenticated | Kind::Expired | Kind::BadCredentials => StatusCode::UNAUTHORIZED,
            Kind::Forbidden => StatusCode::FORBIDDEN,
            Kind::NotFound => StatusCode::NOT_FOUND,
            Kind::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Kind::BodyTimeout => StatusCode::REQUEST_TIMEOUT,
            Kind::Conflict => StatusCode::CONFLICT,
            Kind::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
            Kind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Kind::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Kind::Unreadable | Kind::Invalid | Kind::ResponseTooLarge => match self {
                Self::Internal | Self::Organization => StatusCode::UNPROCESSABLE_ENTITY,
                Self::Account => StatusCode::BAD_REQUEST,
            },
            Kind::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Kind::Unavailable | Kind::Overloaded => StatusCode::SERVICE_UNAVAILABLE,
            Kind::Timeout => StatusCode::GATEWAY_TIMEOUT,
            Kind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// What the errors of an input come down to.
    fn kind(self, input: &[InputError]) -> Kind {
        let names = |name: &str| input.iter().any(|error| error.path.first().is_some_and(|it| it == name));
        let all = |codes: &[InputErrorCode]| input.iter().all(|error| codes.contains(&error.code));
        if names("expectedVersion") {
            Kind::PreconditionFailed
        } else if input.iter().any(|error| error.code == InputErrorCode::NotFound && self.is_in_path(error)) {
            Kind::NotFound
        } else if all(&[InputErrorCode::Taken, InputErrorCode::Conflict, InputErrorCode::InUse]) {
            Kind::Conflict
        } else if self == Self::Account && all(&[InputErrorCode::NotFound]) {
            // The documents say so of accounts and contact types.
            Kind::NotFound
        } else {
            Kind::Invalid
        }
    }

    fn is_in_path(self, error: &InputError) -> bool {
        error.path.first().is_some_and(|name| self.segment(name).is_some())
    }

    /// The segment of the path that the family has for what the services call so.
    fn segment(self, name: &str) -> Option<&'static str> {
        match (self, name) {
            (Self::Internal, "id") => Some("internal_contact_id"),
            (Self::Internal, "partnerId") => Some("partner_id"),
            (Self::Internal, "assignmentId") => Some("assignment_id"),
            (Self::Account, "id") => Some("id"),
            (Self::Organization, "id") => Some("contact_id"),
            _ => None,
        }
    }

    fn fault(self, error: InputError) -> Fault {
        let InputError { code, message, path, .. } = error;
        let (part, path) = match path.first().map(|name| &**name) {
            Some("idempotencyKey") => (Part::Header, vec!["Idempotency-Key".into()]),
            Some("expectedVersion") => (Part::Header, vec!["If-Match".into()]),
            Some(name) => match self.segment(name) {
                Some(segment) => (Part::Path, vec![segment.into()]),
                None => (Part::Body, self.field(path)),
            },
            None => (Part::Body, Vec::new()),
        };
        Fault { part, path, rule: Rule::Input(code), message }
    }

    /// The way to a field of the body, as the family names it.
    fn field(self, path: Vec<Cow<'static, str>>) -> Vec<Cow<'static, str>> {
        match self {
            Self::Internal => path.iter().map(|name| snake_case(name)).collect(),
            Self::Account => {
                let in_row = path.first().is_some_and(|name| name == "rows");
                let mut is_own = true;
                path.into_iter()
                    .map(|name| {
                        // What follows are the client's own names.
                        is_own &= name != "metadata";
                        if is_own { account_field(name, in_row) } else { name }
                    })
                    .collect()
            }
            Self::Organization => match path.first().map(|name| &**name) {
                Some("countryId") => vec!["country".into(), "id".into()],
                _ => path.iter().map(|name| snake_case(name)).collect(),
            },
        }
    }
}

fn account_field(name: Cow<'static, str>, in_row: bool) -> Cow<'static, str> {
    match &*name {
        "rows" => "contacts".into(),
        "phone" if !in_row => "phoneNumber".into(),
        "contactTypeId" => "contactType".into(),
        "name" => "value".into(),
        _ => name,
    }
}

fn snake_case(name: &str) -> Cow<'static, str> {
    let mut text = String::with_capacity(name.len() + 4);
    for c in name.chars() {
        if c.is_ascii_uppercase() {
            text.push('_');
        }
        text.push(c.to_ascii_lowercase());
    }
    text.into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refused(path: &[&'static str], code: InputErrorCode) -> InputError {
        InputError::at(path.iter().map(|name| Cow::Borrowed(*name)).collect(), code, "No.")
    }

    fn told(family: Family, input: Vec<InputError>) -> (u16, Value) {
        let problem = Problem { input, ..Problem::new(Kind::Invalid, "No.") };
        let (status, body) = family.told(problem);
        (status.as_u16(), body)
    }

    #[test]
    fn each_family_names_fields_its_own_way() {
        use InputErrorCode::{Invalid, NotFound, Required};
        let (status, body) =
            told(Family::Internal, vec![refused(&["givenName"], Invalid), refused(&["email"], Required)]);
        assert_eq!(status, 422);
        let expected = json!({ "detail": [
            { "loc": ["body", "given_name"], "msg": "No.", "type": "value_error" },
            { "loc": ["body", "email"], "msg": "No.", "type": "missing" },
        ] });
        assert_eq!(body, expected);

        let (status, body) = told(
            Family::Account,
            vec![
                refused(&["phone"], Invalid),
                refused(&["rows", "3", "phone"], Invalid),
                refused(&["metadata", "phone", "name"], Invalid),
            ],
        );
        let expected = json!({
            "statusCode": 400, "error": "Bad Request",
            "message": ["phoneNumber: No.", "contacts.3.phone: No.", "metadata.phone.name: No."],
        });
        assert_eq!((status, body), (400, expected));

        let (status, body) = told(
            Family::Organization,
            vec![refused(&["countryId"], NotFound), refused(&["purchaseOrderNumber"], Invalid)],
        );
        let expected = json!({
            "error_code": 1400, "error_token": "InputValidationFailed", "message": "No.",
            "errors": [
                { "error_code": 1401, "error_token": "InvalidReference", "message": "Contact - country.id: No." },
                { "error_code": 1403, "error_token": "InvalidFormat", "message": "Contact - purchase_order_number: No." },
            ],
        });
        assert_eq!((status, body), (422, expected));
    }

    #[test]
    fn the_errors_decide_the_status() {
        use InputErrorCode::{Conflict, Invalid, NotFound, Taken};
        for family in Family::ALL {
            let status = |path: &[&'static str], code| told(family, vec![refused(path, code)]).0;
            assert_eq!(status(&["id"], NotFound), 404);
            assert_eq!(status(&["expectedVersion"], Conflict), 412);
            assert_eq!(status(&["idempotencyKey"], Conflict), 409);
            assert_eq!(status(&["email"], Taken), 409);
            let both = vec![refused(&["email"], Taken), refused(&["phone"], Invalid)];
            assert_eq!(told(family, both).0, family.status(Kind::Invalid).as_u16());
        }
        assert_eq!(told(Family::Account, vec![refused(&["accountIds", "0"], NotFound)]).0, 404);
        assert_eq!(told(Family::Organization, vec![refused(&["countryId"], NotFound)]).0, 422);
    }
}
