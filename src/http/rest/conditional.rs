//! Conditional requests: the headers If-Match and If-None-Match against the ETag of a record (RFC 9110, section 13).

use axum::{
    http::{HeaderMap, HeaderName, Method, StatusCode, header},
    response::{IntoResponse, Response},
};

use super::problem::{Problem, ProblemKind, RequestPart, Rule};
use crate::error::{InputError, InputErrorCode};

/// A version that no record has.
const NO_VERSION: i32 = 0;

const IF_MATCH: &str = "No entity tag in this header is the current one of the record. Read the record again and send its \
                        ETag as it is, with the quotes; weak tags (W/) never match here.";
const NO_IF_MATCH: &str = "The header is not a list of entity tags. Read the record and send its ETag as it is, with the quotes, \
                           or only *.";
const NO_IF_NONE_MATCH: &str = "The header is not a list of entity tags in double quotes. Omit the header to change a record that \
                                exists.";
const IF_NONE_MATCH: &str = "The record has an entity tag of this header, and * stands for each. Omit the header to change \
                             a record that exists; send a list of tags in quotes, or *.";

/// The conditions of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Conditions {
    if_match: Option<TagList>,
    if_none_match: Option<TagList>,
}

/// The value of such a header.
#[derive(Clone, Debug, PartialEq, Eq)]
enum TagList {
    /// `*`: every tag that a record has.
    Any,
    /// A list of tags.
    Tags(Vec<Tag>),
    /// Neither of both.
    Malformed,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Tag {
    is_weak: bool,
    /// The text between the quotes.
    opaque: Vec<u8>,
}

impl Conditions {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        Self {
            if_match: TagList::of(headers, &header::IF_MATCH),
            if_none_match: TagList::of(headers, &header::IF_NONE_MATCH),
        }
    }

    /// The version that a change expects, with that of the record where it is needed to decide. The service refuses a change
    /// whose conditions are not met, because it expects a version that no record has.
    pub(super) async fn expected_version<E>(
        &self,
        current: impl Future<Output = Result<Option<i32>, E>>,
    ) -> Result<Option<i32>, E> {
        match (&self.if_match, &self.if_none_match) {
            (None | Some(TagList::Any), None) => Ok(None),
            (Some(list), None) if list.version().is_some() => Ok(list.version()),
            (Some(TagList::Malformed), _) | (_, Some(TagList::Any | TagList::Malformed)) => {
                Ok(Some(NO_VERSION))
            }
            _ => {
                let current = current.await?;
                Ok(Some(current.filter(|it| self.are_met(it.to_string().as_bytes())).unwrap_or(NO_VERSION)))
            }
        }
    }

    /// Whether a record whose ETag has this text meets them.
    fn are_met(&self, opaque: &[u8]) -> bool {
        let matched = self.if_match.as_ref().is_none_or(|list| list.has_strong(opaque));
        matched && !self.if_none_match.as_ref().is_some_and(|list| list.has(opaque))
    }

    /// The response to a request that reads a record: 304 if the client has it already, 412 if it wants another version.
    pub(super) fn apply(&self, method: &Method, response: Response) -> Response {
        let opaque = response.headers().get(header::ETAG).map(|tag| tag.as_bytes().trim_ascii());
        let opaque = opaque.and_then(|tag| tag.strip_prefix(b"\"")?.strip_suffix(b"\""));
        let is_read = matches!(*method, Method::GET | Method::HEAD) && response.status() == StatusCode::OK;
        let Some(opaque) = opaque.filter(|_| is_read) else { return response };
        if self.if_match.as_ref().is_some_and(|list| !list.has_strong(opaque)) {
            let rule = Rule::Input(InputErrorCode::Conflict);
            let problem = Problem::at(RequestPart::Header, "If-Match", rule, IF_MATCH);
            return Problem { kind: ProblemKind::PreconditionFailed, ..problem }.into_response();
        }
        if self.if_none_match.as_ref().is_some_and(|list| list.has(opaque)) {
            let (mut head, _) = response.into_parts();
            head.status = StatusCode::NOT_MODIFIED;
            head.headers.remove(header::CONTENT_TYPE);
            return Response::from_parts(head, axum::body::Body::empty());
        }
        response
    }

    /// Says of a refused change which of the headers is not met.
    pub(super) fn explain(&self, errors: &mut [InputError]) {
        let is_none_match =
            matches!(self.if_match, None | Some(TagList::Any)) && self.if_none_match.is_some();
        let list = if is_none_match { &self.if_none_match } else { &self.if_match };
        let message = match list {
            Some(TagList::Malformed) if is_none_match => NO_IF_NONE_MATCH,
            Some(TagList::Malformed) => NO_IF_MATCH,
            _ if is_none_match => IF_NONE_MATCH,
            _ => IF_MATCH,
        };
        for error in
            errors.iter_mut().filter(|error| error.path.first().is_some_and(|it| it == "expectedVersion"))
        {
            error.message = message.into();
            if is_none_match {
                error.path = vec!["If-None-Match".into()];
            }
        }
    }
}

impl TagList {
    /// The list in all lines of a header; `None` where it was not sent.
    fn of(headers: &HeaderMap, name: &HeaderName) -> Option<Self> {
        let lines: Vec<&[u8]> = headers.get_all(name).iter().map(|value| value.as_bytes()).collect();
        if lines.is_empty() {
            return None;
        }
        let value = lines.join(&b","[..]);
        if value.trim_ascii() == b"*" {
            return Some(Self::Any);
        }
        Some(tags(&value).map_or(Self::Malformed, Self::Tags))
    }

    /// The version of its only tag, as this API writes it.
    fn version(&self) -> Option<i32> {
        let Self::Tags(tags) = self else { return None };
        let [Tag { is_weak: false, opaque }] = &tags[..] else { return None };
        let version: i32 = str::from_utf8(opaque).ok()?.parse().ok()?;
        (version.to_string().as_bytes() == opaque).then_some(version)
    }

    /// The weak comparison.
    fn has(&self, opaque: &[u8]) -> bool {
        match self {
            Self::Any => true,
            Self::Tags(tags) => tags.iter().any(|tag| tag.opaque == opaque),
            Self::Malformed => false,
        }
    }

    /// The strong comparison, with a tag that is not weak.
    fn has_strong(&self, opaque: &[u8]) -> bool {
        match self {
            Self::Any => true,
            Self::Tags(tags) => tags.iter().any(|tag| !tag.is_weak && tag.opaque == opaque),
            Self::Malformed => false,
        }
    }
}

/// The entity tags of a list; `None` if it is malformed. Lists may have empty members, and tags may have commas.
fn tags(mut list: &[u8]) -> Option<Vec<Tag>> {
    let mut tags = Vec::new();
    loop {
        list = list.trim_ascii_start();
        while let Some(rest) = list.strip_prefix(b",") {
            list = rest.trim_ascii_start();
        }
        if list.is_empty() {
            return Some(tags);
        }
        let (is_weak, quoted) = match list.strip_prefix(b"W/") {
            Some(quoted) => (true, quoted),
            None => (false, list),
        };
        let text = quoted.strip_prefix(b"\"")?;
        let end = text.iter().position(|byte| *byte == b'"')?;
        tags.push(Tag { is_weak, opaque: text[..end].to_vec() });
        list = text[end + 1..].trim_ascii_start();
        if !(list.is_empty() || list.starts_with(b",")) {
            return None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(lines: &[&str]) -> Option<TagList> {
        let lines = lines.iter().map(|line| (header::IF_MATCH, line.parse().expect("a header value")));
        let mut headers = HeaderMap::new();
        lines.for_each(|(name, value)| _ = headers.append(name, value));
        TagList::of(&headers, &header::IF_MATCH)
    }

    fn tag(is_weak: bool, opaque: &str) -> Tag {
        Tag { is_weak, opaque: opaque.as_bytes().to_vec() }
    }

    #[test]
    fn lists_are_read_as_they_are_defined() {
        for (lines, expected) in [
            (&["*"][..], TagList::Any),
            (&["  * "], TagList::Any),
            (&["\"1\""], TagList::Tags(vec![tag(false, "1")])),
            (&["W/\"1\""], TagList::Tags(vec![tag(true, "1")])),
            (
                &["\"1\",\"2\"", "W/\"3\""],
                TagList::Tags(vec![tag(false, "1"), tag(false, "2"), tag(true, "3")]),
            ),
            (&["\"a,*,b\""], TagList::Tags(vec![tag(false, "a,*,b")])),
            (&[", ,\"1\" ,, \"2\","], TagList::Tags(vec![tag(false, "1"), tag(false, "2")])),
            (&["\"\""], TagList::Tags(vec![tag(false, "")])),
            (&[""], TagList::Tags(vec![])),
            (&["1"], TagList::Malformed),
            (&["w/\"1\""], TagList::Malformed),
            (&["W/ \"1\""], TagList::Malformed),
            (&["\"1"], TagList::Malformed),
            (&["\"1\" \"2\""], TagList::Malformed),
            (&["*, \"1\""], TagList::Malformed),
            (&["*", "*"], TagList::Malformed),
        ] {
            assert_eq!(list(lines), Some(expected), "{lines:?}");
        }
        assert_eq!(list(&[]), None);
    }

    #[tokio::test]
    async fn a_single_strong_tag_needs_no_look_at_the_record() {
        let of = |lines: &[&str]| Conditions { if_match: list(lines), if_none_match: None };
        let unread = async || -> Result<Option<i32>, ()> { panic!("the record is not needed") };
        for (lines, expected) in [
            (&[][..], None),
            (&["*"], None),
            (&["\"7\""], Some(7)),
            (&["7"], Some(NO_VERSION)),
            (&["\"7"], Some(NO_VERSION)),
        ] {
            assert_eq!(of(lines).expected_version(unread()).await, Ok(expected), "{lines:?}");
        }
        let read = async || -> Result<Option<i32>, ()> { Ok(Some(7)) };
        for (lines, expected) in [
            (&["\"6\", \"7\""][..], 7),
            (&["\"6\"", "\"7\""], 7),
            (&["\"6\", W/\"7\""], NO_VERSION),
            (&["W/\"7\""], NO_VERSION),
            (&["\"07\""], NO_VERSION),
            (&["\"+7\""], NO_VERSION),
        ] {
            assert_eq!(of(lines).expected_version(read()).await, Ok(Some(expected)), "{lines:?}");
        }
    }
}
