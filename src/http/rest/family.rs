//! The three families of routes, each with its own field names and error format.

use std::borrow::Cow;

use axum::http::StatusCode;
use serde_json::Value;

use super::{
    error_body::{ApiError, HttpError, ValidationErrors},
    problem::{Fault, Problem, ProblemKind, RequestPart, Rule},
};
use crate::error::{InputError, InputErrorCode};

/// The public API that a route implements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Family {
    /// Internal contacts and their partners: Stuut v2.
    Internal,
    /// Contacts of accounts: Thena v1.
    Account,
    /// Organization contacts: emnify v1.
    Organization,
}

impl Family {
    /// All families.
    pub(super) const ALL: [Self; 3] = [Self::Internal, Self::Account, Self::Organization];

    /// The name of the error schema in the OpenAPI document.
    pub(super) const fn error_schema(self) -> &'static str {
        match self {
            Self::Internal => "ValidationErrors",
            Self::Account => "HttpError",
            Self::Organization => "ApiError",
        }
    }

    /// The status and the body of an error response.
    pub(super) fn to_response(self, problem: Problem) -> (StatusCode, Value) {
        let Problem { kind, message, mut faults, input, .. } = problem;
        let kind = if input.is_empty() { kind } else { self.kind(&input) };
        faults.extend(input.into_iter().map(|error| self.fault(error)));
        let status = self.status(kind);
        let body = match self {
            Self::Internal => serde_json::to_value(ValidationErrors::of(kind, &message, &faults)),
            Self::Account => serde_json::to_value(HttpError::of(status, kind, &message, &faults)),
            Self::Organization => serde_json::to_value(ApiError::of(status, kind, &message, &faults)),
        };
        // Strings and numbers always serialize.
        (status, body.unwrap_or_default())
    }

    /// The HTTP status of a kind of problem.
    pub(super) const fn status(self, kind: ProblemKind) -> StatusCode {
        match kind {
            ProblemKind::Unauthenticated | ProblemKind::Expired | ProblemKind::BadCredentials => {
                StatusCode::UNAUTHORIZED
            }
            ProblemKind::Forbidden => StatusCode::FORBIDDEN,
            ProblemKind::NotFound => StatusCode::NOT_FOUND,
            ProblemKind::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            ProblemKind::BodyTimeout => StatusCode::REQUEST_TIMEOUT,
            ProblemKind::Conflict => StatusCode::CONFLICT,
            ProblemKind::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
            ProblemKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            ProblemKind::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            ProblemKind::Unreadable | ProblemKind::Invalid | ProblemKind::ResponseTooLarge => match self {
                Self::Internal | Self::Organization => StatusCode::UNPROCESSABLE_ENTITY,
                Self::Account => StatusCode::BAD_REQUEST,
            },
            ProblemKind::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            ProblemKind::Unavailable | ProblemKind::Overloaded => StatusCode::SERVICE_UNAVAILABLE,
            ProblemKind::Timeout => StatusCode::GATEWAY_TIMEOUT,
            ProblemKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The kind of problem for these input errors.
    fn kind(self, input: &[InputError]) -> ProblemKind {
        let names = |name: &str| input.iter().any(|error| error.path.first().is_some_and(|it| it == name));
        let all = |codes: &[InputErrorCode]| input.iter().all(|error| codes.contains(&error.code));
        if names("expectedVersion") || names("If-None-Match") {
            ProblemKind::PreconditionFailed
        } else if input.iter().any(|error| error.code == InputErrorCode::NotFound && self.is_in_path(error)) {
            ProblemKind::NotFound
        } else if all(&[InputErrorCode::Taken, InputErrorCode::Conflict, InputErrorCode::InUse]) {
            ProblemKind::Conflict
        } else if self == Self::Account && all(&[InputErrorCode::NotFound]) {
            // The documented API returns 404 for unknown accounts and contact types.
            ProblemKind::NotFound
        } else {
            ProblemKind::Invalid
        }
    }

    fn is_in_path(self, error: &InputError) -> bool {
        error.path.first().is_some_and(|name| self.segment(name).is_some())
    }

    /// The path parameter of the family for a field of the service.
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
            Some("idempotencyKey") => (RequestPart::Header, vec!["Idempotency-Key".into()]),
            Some("expectedVersion") => (RequestPart::Header, vec!["If-Match".into()]),
            Some("If-None-Match") => (RequestPart::Header, path),
            Some(name) => match self.segment(name) {
                Some(segment) => (RequestPart::Path, vec![segment.into()]),
                None => (RequestPart::Body, self.field(path)),
            },
            None => (RequestPart::Body, Vec::new()),
        };
        Fault { part, path, rule: Rule::Input(code), message }
    }

    /// Translates the path of a field to the names of the family.
    fn field(self, path: Vec<Cow<'static, str>>) -> Vec<Cow<'static, str>> {
        match self {
            Self::Internal => path.iter().map(|name| snake_case(name)).collect(),
            Self::Account => {
                let in_row = path.first().is_some_and(|name| name == "rows");
                let mut is_own = true;
                path.into_iter()
                    .map(|name| {
                        // The keys below metadata are the client's.
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

    fn input_error(path: &[&'static str], code: InputErrorCode) -> InputError {
        InputError::at(path.iter().map(|name| Cow::Borrowed(*name)).collect(), code, "No.")
    }

    fn to_response(family: Family, input: Vec<InputError>) -> (u16, Value) {
        let problem = Problem { input, ..Problem::new(ProblemKind::Invalid, "No.") };
        let (status, body) = family.to_response(problem);
        (status.as_u16(), body)
    }

    #[test]
    fn each_family_names_fields_its_own_way() {
        use InputErrorCode::{Invalid, NotFound, Required};
        let (status, body) = to_response(
            Family::Internal,
            vec![input_error(&["givenName"], Invalid), input_error(&["email"], Required)],
        );
        assert_eq!(status, 422);
        let expected = json!({ "detail": [
            { "loc": ["body", "given_name"], "msg": "No.", "type": "value_error" },
            { "loc": ["body", "email"], "msg": "No.", "type": "missing" },
        ] });
        assert_eq!(body, expected);

        let (status, body) = to_response(
            Family::Account,
            vec![
                input_error(&["phone"], Invalid),
                input_error(&["rows", "3", "phone"], Invalid),
                input_error(&["metadata", "phone", "name"], Invalid),
            ],
        );
        let expected = json!({
            "statusCode": 400, "error": "Bad Request",
            "message": ["phoneNumber: No.", "contacts.3.phone: No.", "metadata.phone.name: No."],
        });
        assert_eq!((status, body), (400, expected));

        let (status, body) = to_response(
            Family::Organization,
            vec![input_error(&["countryId"], NotFound), input_error(&["purchaseOrderNumber"], Invalid)],
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
            let status = |path: &[&'static str], code| to_response(family, vec![input_error(path, code)]).0;
            assert_eq!(status(&["id"], NotFound), 404);
            assert_eq!(status(&["expectedVersion"], Conflict), 412);
            assert_eq!(status(&["idempotencyKey"], Conflict), 409);
            assert_eq!(status(&["email"], Taken), 409);
            let both = vec![input_error(&["email"], Taken), input_error(&["phone"], Invalid)];
            assert_eq!(to_response(family, both).0, family.status(ProblemKind::Invalid).as_u16());
        }
        assert_eq!(to_response(Family::Account, vec![input_error(&["accountIds", "0"], NotFound)]).0, 404);
        assert_eq!(to_response(Family::Organization, vec![input_error(&["countryId"], NotFound)]).0, 422);
    }
}
