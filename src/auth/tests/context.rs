//! Tests of the request context, of its ids and of scopes.

use super::*;

#[test]
fn a_context_checks_scopes_and_organization() {
    let context = RequestContext::new("r", now(), caller(Some(2)));
    assert_eq!(context.require(Scope::ContactsRead), Ok(()));
    assert_eq!(context.require(Scope::ContactsWrite), Err(Denied::MissingScope(Scope::ContactsWrite, None)));
    assert_eq!(context.organization(), Ok(2));
    assert_eq!(
        RequestContext::new("r", now(), caller(None)).organization(),
        Err(Denied::NoOrganization(None))
    );
}

#[test]
fn a_context_keeps_microseconds() {
    let context = RequestContext::new("r", now() + TimeDelta::nanoseconds(123_456_789), caller(None));
    assert_eq!(context.now.timestamp_subsec_nanos(), 123_456_000);
}

#[test]
fn new_ids_are_of_now_and_ascend() {
    let context = RequestContext::new("r", now() + TimeDelta::milliseconds(5), caller(None));
    let ids: Vec<_> = (0..10_000).map(|_| context.new_id()).collect();
    assert!(ids.is_sorted_by(|earlier, later| earlier < later));
    for id in ids {
        assert_eq!(id.get_version_num(), 7);
        assert_eq!(id.get_timestamp().expect("a time").to_unix(), (NOW as u64, 5_000_000));
    }
}

#[test]
fn new_ids_are_greater_than_those_of_the_microsecond_before() {
    let of =
        |micros| RequestContext::new("r", now() + TimeDelta::microseconds(micros), caller(None)).new_id();
    let ids: Vec<_> = (0..10_000).map(of).collect();
    assert!(ids.is_sorted_by(|earlier, later| earlier < later));
}

#[test]
fn new_ids_of_two_requests_at_the_same_time_differ() {
    let of = |_| RequestContext::new("r", now(), caller(None)).new_id();
    let ids: std::collections::BTreeSet<_> = (0..1000).map(of).collect();
    assert_eq!(ids.len(), 1000);
}

#[test]
fn scopes_are_parsed_and_written() {
    let scopes = Scopes::parse("  org:admin unknown contacts:read\tcontacts:read CONTACTS:WRITE ");
    assert_eq!(scopes.to_string(), "contacts:read org:admin");
    assert_eq!(format!("{scopes:?}"), r#"{"contacts:read", "org:admin"}"#);
    assert!(!scopes.contains(Scope::ContactsWrite));
    assert_eq!(Scopes::parse(&Scopes::all().to_string()), Scopes::all());
    assert_eq!(Scopes::parse(""), Scopes::NONE);
    assert_eq!("contacts:delete".parse::<Scope>(), Err(UnknownScope));
}
