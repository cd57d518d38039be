//! The time that the guard takes for each of the worst documents, accepted or rejected: `cargo bench --bench guard`.

#![expect(clippy::print_stdout, reason = "what it prints is what it is for")]

#[path = "../src/graphql/document/tests/attacks.rs"]
mod attacks;

use std::time::Instant;

use contact_gateway::graphql::document::Documents;

/// How often each is read. The quickest counts: what took longer was something else.
const TIMES: usize = 20;

fn main() {
    for (what, document, _) in attacks::attacks() {
        let times = (0..TIMES).map(|_| {
            let documents = Documents::default();
            let begin = Instant::now();
            let refused = documents.parse(&document).is_err();
            (begin.elapsed(), refused)
        });
        let (time, refused) = times.min().unwrap_or_default();
        let verdict = if refused { "refused" } else { "taken" };
        println!("{:>9.3} ms  {verdict:7}  {what}", time.as_secs_f64() * 1000.0);
    }
}
