//! Which media types a GraphQL request speaks and wants (GraphQL over HTTP).

use axum::http::{HeaderMap, header};

/// The media type of a GraphQL response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MediaType {
    /// `application/graphql-response+json`: the HTTP status shows whether the request was executed.
    GraphqlResponse,
    /// `application/json`: 200 for every well-formed GraphQL request.
    Json,
}

impl MediaType {
    /// The value of the header Content-Type.
    pub(super) const fn content_type(self) -> &'static str {
        match self {
            Self::GraphqlResponse => "application/graphql-response+json; charset=utf-8",
            Self::Json => "application/json; charset=utf-8",
        }
    }

    /// The type that the header Accept prefers; `None` when it takes neither. Without the header: JSON.
    pub(super) fn accepted(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(header::ACCEPT).iter().peekable();
        if values.peek().is_none() {
            return Some(Self::Json);
        }
        let ranges: Vec<(&str, f32)> = values
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .map(range)
            .collect();
        let quality = |names: [&str; 3]| {
            // The most specific range that fits decides.
            names.iter().find_map(|name| {
                ranges.iter().find(|(range, _)| range.eq_ignore_ascii_case(name)).map(|(_, quality)| *quality)
            })
        };
        let graphql = quality(["application/graphql-response+json", "application/*", "*/*"]).unwrap_or(0.0);
        let json = quality(["application/json", "application/*", "*/*"]).unwrap_or(0.0);
        let named =
            ranges.iter().any(|(range, _)| range.eq_ignore_ascii_case("application/graphql-response+json"));
        if graphql <= 0.0 && json <= 0.0 {
            None
        } else if graphql > json || (graphql == json && named) {
            Some(Self::GraphqlResponse)
        } else {
            Some(Self::Json)
        }
    }
}

/// Whether the Accept header names server-sent events. A wildcard does not count.
pub(super) fn accepts_events(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let mut ranges = values.flat_map(|value| value.split(',')).map(range);
    ranges.any(|(range, quality)| range.eq_ignore_ascii_case("text/event-stream") && quality > 0.0)
}

/// A media range and its quality.
fn range(text: &str) -> (&str, f32) {
    let mut parts = text.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default();
    let quality = parts
        .filter_map(|parameter| parameter.split_once('='))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("q"))
        .and_then(|(_, quality)| quality.trim().parse().ok());
    (name, quality.unwrap_or(1.0))
}

/// Whether a body is JSON in UTF-8, by its header Content-Type.
pub(super) fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()) else {
        return false;
    };
    let mut parts = value.split(';').map(str::trim);
    parts.next().is_some_and(|name| name.eq_ignore_ascii_case("application/json"))
        && parts.filter(|parameter| !parameter.is_empty()).all(|parameter| match parameter.split_once('=') {
            Some((name, value)) if name.trim().eq_ignore_ascii_case("charset") => {
                let charset = value.trim().trim_matches('"');
                ["utf-8", "utf8"].iter().any(|name| charset.eq_ignore_ascii_case(name))
            }
            _ => true,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: header::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().expect("a header value"))])
    }

    #[test]
    fn accept_decides_the_media_type() {
        use MediaType::{GraphqlResponse, Json};
        for (accept, expected) in [
            ("application/json", Some(Json)),
            ("application/graphql-response+json", Some(GraphqlResponse)),
            ("application/graphql-response+json, application/json", Some(GraphqlResponse)),
            ("application/json;q=1, application/graphql-response+json; q=0.5", Some(Json)),
            (
                "application/graphql-response+json; charset=utf-8, application/json; charset=utf-8",
                Some(GraphqlResponse),
            ),
            ("*/*", Some(Json)),
            ("application/*", Some(Json)),
            ("text/html, */*;q=0.1", Some(Json)),
            ("text/html", None),
            ("application/json;q=0", None),
        ] {
            assert_eq!(MediaType::accepted(&headers(header::ACCEPT, accept)), expected, "{accept}");
        }
        assert_eq!(MediaType::accepted(&HeaderMap::new()), Some(Json));
    }

    #[test]
    fn only_json_in_utf_8_is_a_body() {
        for good in [
            "application/json",
            "application/JSON; charset=UTF-8",
            "application/json;charset=\"utf-8\"",
            "application/json; charset=utf8",
            "application/json; profile=\"a\"; charset=\"UTF8\";",
        ] {
            assert!(is_json(&headers(header::CONTENT_TYPE, good)), "{good}");
        }
        for bad in
            ["text/plain", "application/json; charset=latin1", "multipart/form-data", "application/jsonp"]
        {
            assert!(!is_json(&headers(header::CONTENT_TYPE, bad)), "{bad}");
        }
        assert!(!is_json(&HeaderMap::new()));
    }
}
