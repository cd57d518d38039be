//! The playground: GraphiQL at `/`, its files below `/playground/`, the session that signs its reader in, and the guide
//! at `/guide/`.
//!
//! The files are built by `npm run build` and `npm run build:guide` in playground/ and embedded as they were committed:
//! compressed with brotli. Those of the playground are named by content, except the page itself. Building the gateway
//! needs no Node. This file knows headers and bytes; it makes no token and reads no configuration.

use std::io;
use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HOST,
    IF_NONE_MATCH, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, StatusCode, Uri};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use serde_json::json;

/// Where the page asks for its session.
const SESSION_PATH: &str = "/playground/session";

/// The GraphQL endpoint for the page.
const GRAPHQL_PATH: &str = "/graphql";

/// The first page of the guide. Its links are relative to this path.
const GUIDE_PATH: &str = "/guide/";

/// What the page may do. Monaco, the editor, writes style attributes (`'unsafe-inline'` for styles alone) and draws
/// squiggles with `data:` images; its scripts and workers are files of the page.
const SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; worker-src 'self'; \
    style-src 'self' 'unsafe-inline'; font-src 'self'; img-src 'self' data:; connect-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// On every answer. Workers take the policy from their own script's headers, so it is not for the page alone.
const SECURITY_HEADERS: [(HeaderName, &str); 3] = [
    (CONTENT_SECURITY_POLICY, SECURITY_POLICY),
    (REFERRER_POLICY, "no-referrer"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
];

/// The embedded files of the playground.
static ASSETS: &[Asset] = &include!("../../playground/dist/manifest.rs");

/// The embedded files of the guide.
static GUIDE: &[Asset] = &include!("../../playground/guide/dist/manifest.rs");

/// One embedded file.
#[derive(Debug)]
struct Asset {
    /// Where it is served.
    path: &'static str,
    content_type: &'static str,
    /// Whether the path changes whenever the content does.
    immutable: bool,
    /// Of the uncompressed content.
    sha256: &'static str,
    brotli: &'static [u8],
}

/// Makes a token that signs the reader of the page in.
pub type TokenMaker = Arc<dyn Fn() -> String + Send + Sync>;

/// The session that the page starts with.
#[derive(Clone, Default)]
pub struct Session {
    /// Called for a fresh token each time the page opens; none where readers bring their own. A client that reaches the
    /// listener can claim any `Host`, so give this only to a gateway that listens on a loopback address.
    pub token: Option<TokenMaker>,
    /// The organization that the page selects.
    pub organization: Option<String>,
}

/// The routes of the playground and of the guide.
pub fn router(session: Session) -> Router {
    let router = Router::new()
        .route(SESSION_PATH, get(answer_session))
        .with_state(session)
        .route("/guide", get(redirect_to_guide));
    ASSETS.iter().chain(GUIDE).fold(router, |router, asset| {
        let file = Arc::new(File { asset, plain: OnceLock::new() });
        router.route(asset.path, get(serve).with_state(file))
    })
}

async fn redirect_to_guide() -> impl IntoResponse {
    (SECURITY_HEADERS, Redirect::permanent(GUIDE_PATH))
}

async fn answer_session(State(session): State<Session>, uri: Uri, headers: HeaderMap) -> Response {
    let trusted = names_loopback(&uri, &headers) && from_same_origin(&headers);
    let answer = json!({
        "endpoint": GRAPHQL_PATH,
        "token": session.token.filter(|_| trusted).map(|make| make()),
        "organizationId": session.organization.filter(|_| trusted),
    });
    let about = [(CACHE_CONTROL, "no-store"), (CONTENT_TYPE, "application/json")];
    (SECURITY_HEADERS, about, answer.to_string()).into_response()
}

/// Whether the request was sent to a loopback name or address. A foreign page that points its own name at this machine
/// (DNS rebinding) is of one origin with the answer, but cannot hide that name.
fn names_loopback(uri: &Uri, headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(HOST).iter();
    let authority = match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().ok().and_then(|host| host.parse().ok()),
        (None, _) => uri.authority().cloned(),
        (Some(_), Some(_)) => None,
    };
    authority
        .is_some_and(|authority: Authority| matches!(authority.host(), "localhost" | "127.0.0.1" | "[::1]"))
}

/// Whether the request comes from the page itself, or from no page at all.
fn from_same_origin(headers: &HeaderMap) -> bool {
    headers.get("sec-fetch-site").is_none_or(|site| site == "same-origin" || site == "none")
}

/// An embedded file with its uncompressed content, once that was asked for.
struct File {
    asset: &'static Asset,
    plain: OnceLock<Bytes>,
}

impl File {
    fn plain(&self) -> io::Result<Bytes> {
        if let Some(plain) = self.plain.get() {
            return Ok(plain.clone());
        }
        let plain = self.asset.decompress()?;
        Ok(self.plain.get_or_init(|| plain).clone())
    }
}

impl Asset {
    /// Weak, because both encodings have the same.
    fn etag(&self) -> String {
        format!("W/\"{}\"", self.sha256)
    }

    fn cache_control(&self) -> &'static str {
        if self.immutable { "public, max-age=31536000, immutable" } else { "no-cache" }
    }

    fn decompress(&self) -> io::Result<Bytes> {
        let mut plain = Vec::new();
        brotli_decompressor::BrotliDecompress(&mut &self.brotli[..], &mut plain)?;
        Ok(plain.into())
    }
}

async fn serve(State(file): State<Arc<File>>, headers: HeaderMap) -> Response {
    let asset = file.asset;
    let about = (
        SECURITY_HEADERS,
        [(CACHE_CONTROL, asset.cache_control()), (VARY, "accept-encoding")],
        [(ETAG, asset.etag())],
    );
    if is_current(&headers, asset) {
        return (StatusCode::NOT_MODIFIED, about).into_response();
    }
    let content_type = [(CONTENT_TYPE, asset.content_type)];
    if accepts_brotli(&headers) {
        let brotli = Bytes::from_static(asset.brotli);
        return (about, content_type, [(CONTENT_ENCODING, "br")], brotli).into_response();
    }
    match file.plain() {
        Ok(plain) => (about, content_type, plain).into_response(),
        Err(error) => {
            tracing::error!(path = asset.path, %error, "an embedded file is damaged");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// Whether the client has this content already.
fn is_current(headers: &HeaderMap, asset: &Asset) -> bool {
    let mut known = list(headers, &IF_NONE_MATCH).map(|etag| etag.trim_start_matches("W/").trim_matches('"'));
    known.any(|tag| tag == "*" || tag == asset.sha256)
}

/// Browsers send `br` over https and to loopback addresses only.
fn accepts_brotli(headers: &HeaderMap) -> bool {
    list(headers, &ACCEPT_ENCODING).any(|encoding| {
        let (name, parameters) = encoding.split_once(';').unwrap_or((encoding, ""));
        name.trim().eq_ignore_ascii_case("br") && !is_refused(parameters)
    })
}

/// Whether the parameters of an encoding say `q=0`.
fn is_refused(parameters: &str) -> bool {
    let weight = parameters.trim().trim_start_matches(['q', 'Q', '=', ' ']).parse::<f32>();
    weight.is_ok_and(|weight| weight <= 0.0)
}

/// The elements of a header that holds a list, in one line or in several.
fn list<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let lines = headers.get_all(name).into_iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',').map(str::trim))
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::{Request, request};
    use http_body_util::BodyExt;
    use serde_json::Value;
    use tower::ServiceExt;

    use super::*;

    fn playground() -> Router {
        router(Session {
            token: Some(Arc::new(|| "fresh".to_owned())),
            organization: Some("org_1".to_owned()),
        })
    }

    async fn fetch(path: &str, headers: &[(&str, &str)]) -> Response {
        let mut request = Request::get(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        answer_of(playground(), request).await
    }

    async fn answer_of(router: Router, request: request::Builder) -> Response {
        let request = request.body(Body::empty()).expect("a request");
        router.oneshot(request).await.expect("an answer")
    }

    async fn body(response: Response) -> Bytes {
        response.into_body().collect().await.expect("a whole body").to_bytes()
    }

    async fn session(headers: &[(&str, &str)]) -> Value {
        let response = fetch(SESSION_PATH, headers).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
        json_of(response).await
    }

    async fn json_of(response: Response) -> Value {
        serde_json::from_slice(&body(response).await).expect("JSON")
    }

    fn asset(path_part: &str) -> &'static Asset {
        ASSETS.iter().find(|asset| asset.path.contains(path_part)).expect("an embedded file")
    }

    #[tokio::test]
    async fn every_file_is_served_with_its_content() {
        for asset in ASSETS.iter().chain(GUIDE) {
            let compressed = fetch(asset.path, &[("accept-encoding", "gzip, br;q=0.9")]).await;
            assert_eq!(compressed.headers()[CONTENT_ENCODING], "br", "{}", asset.path);
            assert_eq!(compressed.headers()[CONTENT_TYPE], asset.content_type);
            assert_eq!(compressed.headers()[VARY], "accept-encoding");
            assert_eq!(body(compressed).await, asset.brotli);

            let plain = fetch(asset.path, &[]).await;
            assert!(!plain.headers().contains_key(CONTENT_ENCODING), "{}", asset.path);
            assert_eq!(body(plain).await, asset.decompress().expect("brotli"));
        }
    }

    #[tokio::test]
    async fn the_page_names_embedded_files_only() {
        let page = body(fetch("/", &[]).await).await;
        let page = str::from_utf8(&page).expect("UTF-8");
        assert!(page.contains("<title>contact-gateway</title>"));
        let links: Vec<_> = page.split('"').filter(|text| text.starts_with('/')).collect();
        assert!(!links.is_empty());
        for link in links {
            assert!(ASSETS.iter().any(|asset| asset.path == link), "{link}");
        }
    }

    #[tokio::test]
    async fn pages_of_the_guide_load_embedded_files_only() {
        let pages = GUIDE.iter().filter(|asset| asset.path.ends_with(".html"));
        for page in pages {
            let html = page.decompress().expect("brotli");
            let html = str::from_utf8(&html).expect("UTF-8");
            assert!(html.contains(" - contact-gateway</title>"), "{}", page.path);
            let to_root = "../".repeat(page.path.matches('/').count() - 2);
            let loaded: Vec<_> = html
                .split(['<', '>'])
                .filter(|tag| tag.starts_with("script ") || tag.starts_with("link "))
                .filter_map(|tag| tag.split(['"']).find(|value| value.contains('.')))
                .collect();
            assert!(loaded.len() > 10, "{}", page.path);
            for file in loaded {
                let path = file.strip_prefix(&to_root).map(|file| format!("{GUIDE_PATH}{file}"));
                assert!(path.is_some_and(|path| GUIDE.iter().any(|asset| asset.path == path)), "{file}");
            }
        }
    }

    #[tokio::test]
    async fn the_guide_is_found_without_its_slash() {
        let response = fetch("/guide", &[]).await;
        assert_eq!(response.status(), StatusCode::PERMANENT_REDIRECT);
        assert_eq!(response.headers()["location"], GUIDE_PATH);
        assert_eq!(fetch(GUIDE_PATH, &[]).await.status(), StatusCode::OK);
    }

    #[tokio::test]
    async fn names_made_from_content_are_kept_and_the_page_is_asked_for_again() {
        let page = fetch("/", &[]).await;
        assert_eq!(page.headers()[CACHE_CONTROL], "no-cache");
        let script = fetch(asset("/assets/index-").path, &[]).await;
        assert_eq!(script.headers()[CACHE_CONTROL], "public, max-age=31536000, immutable");
    }

    #[tokio::test]
    async fn known_content_is_not_sent_again() {
        let etag = asset("/assets/index-").etag();
        for known in [&etag, &etag["W/".len()..], &format!("\"other\", {etag}"), "*"] {
            let response = fetch(asset("/assets/index-").path, &[("if-none-match", known)]).await;
            assert_eq!(response.status(), StatusCode::NOT_MODIFIED);
            assert_eq!(response.headers()[ETAG], etag);
            assert!(body(response).await.is_empty());
        }
        let response = fetch("/", &[("if-none-match", &etag)]).await;
        assert_eq!(response.status(), StatusCode::OK);
    }

    #[tokio::test]
    async fn brotli_is_sent_to_those_alone_who_take_it() {
        for (accepted, brotli) in [
            ("br", true),
            ("gzip, deflate, br, zstd", true),
            ("BR;q=1.0", true),
            ("br; q=0.001", true),
            ("br;q=0", false),
            ("gzip, br; q=0.0", false),
            ("gzip", false),
            ("brotli", false),
            ("", false),
        ] {
            let response = fetch("/", &[("accept-encoding", accepted)]).await;
            assert_eq!(response.headers().contains_key(CONTENT_ENCODING), brotli, "{accepted}");
        }
    }

    #[tokio::test]
    async fn every_answer_carries_the_security_headers() {
        for path in ["/", asset("graphql.worker-").path, SESSION_PATH, "/guide", GUIDE_PATH] {
            let response = fetch(path, &[]).await;
            let policy = response.headers()[CONTENT_SECURITY_POLICY].to_str().expect("ASCII");
            assert!(
                policy.contains("script-src 'self';") && policy.contains("frame-ancestors 'none'"),
                "{policy}"
            );
            assert!(!policy.contains("unsafe-eval"));
            assert_eq!(response.headers()[X_CONTENT_TYPE_OPTIONS], "nosniff");
            assert_eq!(response.headers()[REFERRER_POLICY], "no-referrer");
        }
    }

    #[tokio::test]
    async fn the_session_signs_in_on_loopback_names() {
        for host in ["localhost", "localhost:8080", "127.0.0.1:1", "[::1]", "[::1]:8080"] {
            let answer = session(&[("host", host)]).await;
            assert_eq!(
                answer,
                json!({ "endpoint": "/graphql", "token": "fresh", "organizationId": "org_1" }),
                "{host}"
            );
        }
        for site in ["same-origin", "none"] {
            let answer = session(&[("host", "localhost"), ("sec-fetch-site", site)]).await;
            assert_eq!(answer["token"], "fresh", "{site}");
        }
    }

    #[tokio::test]
    async fn the_session_of_anyone_else_is_empty() {
        let nobody = json!({ "endpoint": "/graphql", "token": null, "organizationId": null });
        for host in [
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example:80",
            "10.0.0.1",
            "",
            "::1",
            "a b",
        ] {
            assert_eq!(session(&[("host", host)]).await, nobody, "{host}");
        }
        assert_eq!(session(&[]).await, nobody);
        assert_eq!(session(&[("host", "localhost"), ("host", "evil.example")]).await, nobody);
        for site in ["cross-site", "same-site", ""] {
            assert_eq!(session(&[("host", "localhost"), ("sec-fetch-site", site)]).await, nobody, "{site}");
        }
    }

    #[tokio::test]
    async fn without_a_token_maker_the_session_signs_nobody_in() {
        let request = Request::get(SESSION_PATH).header(HOST, "localhost");
        let answer = json_of(answer_of(router(Session::default()), request).await).await;
        assert_eq!(answer, json!({ "endpoint": "/graphql", "token": null, "organizationId": null }));
    }
}
