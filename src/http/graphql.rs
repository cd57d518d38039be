//! GraphQL over HTTP: our own handler over `schema.execute`.
//!
//! POST with JSON, GET for queries only; the header Accept decides the media type and with it what the HTTP status says.
//! The stock extractor is not used: it takes mutations by GET and as text/plain, which lets a foreign page send them.

use std::{collections::HashMap, sync::Arc, time::Duration};

use async_graphql::{
    Request, Response, ServerError, Value, Variables,
    parser::types::{ExecutableDocument, OperationType},
};
use axum::{
    Extension,
    body::{Body, HttpBody},
    extract::State,
    http::{
        HeaderMap, HeaderValue, Method, Request as HttpRequest, Response as HttpResponse, StatusCode, Uri,
        header,
    },
};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::{
    Deserialize,
    de::{DeserializeOwned, IgnoredAny},
};
use tokio::time::timeout;

use super::{
    access::Facts,
    context::{RequestId, authenticate},
    negotiation::{MediaType, is_json},
};
use crate::{
    app::{AppState, Settings},
    auth::RequestContext,
    error::{AppError, Code},
    graphql::{
        Gateway,
        document::{
            Parsed, introspection_refused, misfit_variable, operation, unknown_type, without_absent_variables,
        },
        error::{refusal, set_code, translate},
        response,
    },
};

/// What a client asks for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    query: String,
    #[serde(rename = "operationName", default)]
    operation_name: Option<String>,
    #[serde(default)]
    variables: Option<Variables>,
    /// Read so that a client that sends it is not refused; no extension is supported yet.
    #[serde(rename = "extensions", default)]
    _extensions: Option<HashMap<String, IgnoredAny>>,
}

/// A request that was executed, or found not to fit the schema.
struct Answered {
    response: Response,
    parsed: Arc<Parsed>,
    operation_name: Option<String>,
}

/// A request that is refused before anything of it is executed.
struct Refused {
    status: StatusCode,
    error: Box<ServerError>,
    /// A header that such a status calls for.
    header: Option<(header::HeaderName, &'static str)>,
}

impl Refused {
    fn new(error: &AppError, request_id: &str) -> Self {
        let status = StatusCode::from_u16(error.code().status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let header = match error.code() {
            Code::Unauthenticated => Some((header::WWW_AUTHENTICATE, "Bearer")),
            Code::Unavailable | Code::Overloaded => Some((header::RETRY_AFTER, "1")),
            _ => None,
        };
        Self { status, error: Box::new(refusal(error, request_id)), header }
    }

    fn bad(status: StatusCode, message: &'static str, request_id: &str) -> Self {
        Self { status, ..Self::new(&AppError::request(Code::BadRequest, message), request_id) }
    }

    fn method(allowed: &'static str, message: &'static str, request_id: &str) -> Self {
        let header = Some((header::ALLOW, allowed));
        Self { header, ..Self::bad(StatusCode::METHOD_NOT_ALLOWED, message, request_id) }
    }
}

/// Answers a GraphQL request.
pub(super) async fn handle(
    State(app): State<Arc<AppState>>,
    Extension(id): Extension<RequestId>,
    Extension(facts): Extension<Arc<Facts>>,
    request: HttpRequest<Body>,
) -> HttpResponse<Body> {
    let id = id.as_str();
    let Some(media_type) = MediaType::accepted(request.headers()) else {
        let message = "Accept application/graphql-response+json or application/json.";
        facts.set_outcome(Some(Code::BadRequest.as_str()));
        return respond(Err(Refused::bad(StatusCode::NOT_ACCEPTABLE, message, id)), MediaType::Json);
    };
    let answer = facts.tally.count(answer(&app, request, id, &facts));
    let answer = match timeout(app.settings.request_timeout, answer).await {
        Ok(answer) => answer,
        Err(_) => Err(Refused::new(&too_slow(app.settings.request_timeout), id)),
    };
    let error = match &answer {
        Ok(answered) => answered.response.errors.first(),
        Err(refused) => Some(&*refused.error),
    };
    facts.set_outcome(error.map(code));
    respond(answer, media_type)
}

fn too_slow(limit: Duration) -> AppError {
    AppError::request(Code::Timeout, format!("The request took longer than {} s.", limit.as_secs_f32()))
}

/// The code of an error, which has one by now.
fn code(error: &ServerError) -> &str {
    match error.extensions.as_ref().and_then(|extensions| extensions.get("code")) {
        Some(Value::String(code)) => code,
        _ => Code::Internal.as_str(),
    }
}

async fn answer(
    app: &AppState,
    request: HttpRequest<Body>,
    id: &str,
    facts: &Facts,
) -> Result<Answered, Refused> {
    let (head, body) = request.into_parts();
    check_method(&head.method, id)?;
    app.places.check().map_err(|error| Refused::new(&error, id))?;
    let context = authenticate(&app.verifier, &head.headers, id.to_owned())
        .await
        .map_err(|error| Refused::new(&error, id))?;
    if let Some(organization) = context.caller.organization {
        _ = facts.organization.set(organization);
    }
    let asked = if head.method == Method::GET {
        read_query(&head.uri, id)?
    } else {
        read_body(&head.headers, body, &app.settings, id).await?
    };
    // Taken when the request is there: nobody who sends one slowly keeps others from being answered.
    let _place = app.places.take().map_err(|error| Refused::new(&error, id))?;
    let only_queries = head.method == Method::GET;
    execute(app, context, asked, only_queries, id, facts).await
}

fn check_method(method: &Method, id: &str) -> Result<(), Refused> {
    if matches!(*method, Method::GET | Method::POST) {
        return Ok(());
    }
    Err(Refused::method("GET, POST", "Send GraphQL requests by POST, or queries by GET.", id))
}

/// The request in the parameters of a GET.
fn read_query(uri: &Uri, id: &str) -> Result<Asked, Refused> {
    let bad = |message| Refused::bad(StatusCode::BAD_REQUEST, message, id);
    let (mut query, mut operation_name, mut variables, mut extensions) = (None, None, None, None);
    for (name, value) in url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
        let slot = match &*name {
            "query" => &mut query,
            "operationName" => &mut operation_name,
            "variables" => &mut variables,
            "extensions" => &mut extensions,
            _ => return Err(bad("The parameters are query, operationName, variables and extensions.")),
        };
        if slot.replace(value.into_owned()).is_some() {
            return Err(bad("A parameter came twice."));
        }
    }
    Ok(Asked {
        query: query.ok_or_else(|| bad("The parameter query is missing."))?,
        operation_name: operation_name.filter(|name| !name.is_empty()),
        variables: object(variables).map_err(bad)?,
        _extensions: object(extensions).map_err(bad)?,
    })
}

/// The JSON object that a parameter holds, if it was given.
fn object<T: DeserializeOwned>(text: Option<String>) -> Result<Option<T>, &'static str> {
    let text = text.filter(|text| !text.is_empty());
    text.map(|text| serde_json::from_str(&text))
        .transpose()
        .map_err(|_| "variables and extensions are JSON objects.")
}

/// The request in the body of a POST.
async fn read_body(headers: &HeaderMap, body: Body, settings: &Settings, id: &str) -> Result<Asked, Refused> {
    if !is_json(headers) {
        let message = "Send the body as application/json in UTF-8.";
        return Err(Refused::bad(StatusCode::UNSUPPORTED_MEDIA_TYPE, message, id));
    }
    if headers.contains_key(header::CONTENT_ENCODING) {
        let message = "Send the body as it is, without a Content-Encoding.";
        return Err(Refused::bad(StatusCode::UNSUPPORTED_MEDIA_TYPE, message, id));
    }
    let too_large = || Refused::bad(StatusCode::PAYLOAD_TOO_LARGE, "The body is too large.", id);
    // What a client announces is believed, so that nobody waits for it.
    if body.size_hint().lower() > settings.body_limit as u64 {
        return Err(too_large());
    }
    let whole = Limited::new(body, settings.body_limit).collect();
    let Ok(read) = timeout(settings.body_timeout, whole).await else {
        return Err(Refused::bad(StatusCode::REQUEST_TIMEOUT, "The body took too long to arrive.", id));
    };
    let bytes = match read {
        Ok(collected) => collected.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => return Err(too_large()),
        Err(_) => {
            return Err(Refused::bad(StatusCode::BAD_REQUEST, "The body could not be read to its end.", id));
        }
    };
    // Serde would take an array of the fields' values too.
    let is_object = bytes.trim_ascii_start().starts_with(b"{");
    let asked = if is_object { serde_json::from_slice(&bytes).ok() } else { None };
    asked.ok_or_else(|| {
        let message =
            "The body is a JSON object with query (a string), operationName, variables and extensions.";
        Refused::bad(StatusCode::BAD_REQUEST, message, id)
    })
}

/// The most bytes of a document. Bodies may be longer: bulk writes carry their rows in variables, which cost far less to
/// read than a document does.
const DOCUMENT_LIMIT: usize = 128 * 1024;

async fn execute(
    app: &AppState,
    context: RequestContext,
    asked: Asked,
    only_queries: bool,
    id: &str,
    facts: &Facts,
) -> Result<Answered, Refused> {
    let Asked { query, operation_name, variables, .. } = asked;
    if query.len() > DOCUMENT_LIMIT {
        return Err(Refused::bad(StatusCode::PAYLOAD_TOO_LARGE, "The document is longer than 128 KiB.", id));
    }
    let parsed = app.documents.parse(&query).map_err(|refused| {
        let code = refused.code;
        misfit(refused.into(), code, id)
    })?;
    let name = operation_name.as_deref();
    let selected = operation(&parsed.document, name).map_err(|error| Refused::new(&error, id))?;
    facts.set_operation(&parsed.document, name);
    if only_queries && selected.node.ty != OperationType::Query {
        return Err(Refused::method("POST", "Send mutations by POST.", id));
    }
    let variables = variables.unwrap_or_default();
    let mut refused = unknown_type(&parsed.document, |name| app.field_types.knows(name))
        .or_else(|| misfit_variable(&selected.node, &variables));
    if !app.settings.introspection {
        refused = refused.or_else(|| introspection_refused(&parsed.names, selected));
    }
    if let Some(error) = refused {
        return Err(misfit(error, Code::ValidationFailed, id));
    }
    let pruned = without_absent_variables(&parsed.document, name, &variables);
    let mut request = Request::new(query).variables(variables).data(Gateway::new(
        context,
        &app.db,
        Arc::clone(&parsed.names),
    ));
    request.operation_name = operation_name.clone();
    request.set_parsed_query(pruned);
    let mut response = app.schema.execute(request).await;
    if response::was_executed(&response) {
        facts.set_field(&parsed.document, &selected.node);
    }
    if !response.errors.is_empty() {
        finish_errors(app, &mut response, &parsed.document, operation_name.as_deref(), id);
    }
    Ok(Answered { response, parsed, operation_name })
}

/// A document that is none, or variables that do not fit it.
fn misfit(mut error: ServerError, code: Code, id: &str) -> Refused {
    set_code(&mut error, code, id);
    Refused { status: StatusCode::BAD_REQUEST, error: Box::new(error), header: None }
}

fn finish_errors(
    app: &AppState,
    response: &mut Response,
    document: &ExecutableDocument,
    operation_name: Option<&str>,
    id: &str,
) {
    app.field_types.complete(response, document, operation_name);
    translate(response, id);
}

fn respond(answer: Result<Answered, Refused>, media_type: MediaType) -> HttpResponse<Body> {
    let (status, json, header) = match answer {
        Ok(Answered { response, parsed, operation_name }) => {
            let json = response::write(&response, Some((&parsed.document, operation_name.as_deref())));
            (executed_status(&response, media_type), json, None)
        }
        Err(Refused { status, error, header }) => {
            let status = refused_status(status, &error, media_type);
            (status, response::write(&Response::from_errors(vec![*error]), None), header)
        }
    };
    let mut http = HttpResponse::new(Body::from(json));
    *http.status_mut() = status;
    let headers = http.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type.content_type()));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some((name, value)) = header {
        headers.insert(name, HeaderValue::from_static(value));
    }
    http
}

/// A document that does not validate is not executed, and where the status may say so, it does.
fn executed_status(response: &Response, media_type: MediaType) -> StatusCode {
    let fine = media_type == MediaType::Json || response::was_executed(response);
    if fine { StatusCode::OK } else { StatusCode::BAD_REQUEST }
}

/// In application/json, 200 answers every well-formed request, also one whose document does not parse. Only errors of
/// a document have a place in it.
fn refused_status(status: StatusCode, error: &ServerError, media_type: MediaType) -> StatusCode {
    let well_formed = !error.locations.is_empty();
    if well_formed && media_type == MediaType::Json { StatusCode::OK } else { status }
}
