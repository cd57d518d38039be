//! The log never delays a request: with any state of the standard error stream, every request gets its response, the process
//! ends when it is stopped, and lines that could not be written are counted.

use std::{
    fs::File,
    io::{BufRead, BufReader, PipeReader, Write, pipe},
    net::TcpListener,
    process::Stdio,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::process::{Client, Development, Process, command, run};

/// How many requests each stream meets.
const REQUESTS: usize = 200;
/// How long a gateway without requests takes to stop, with room for a busy machine.
const STOPPED: Duration = Duration::from_secs(8);

/// Half of the requests write, the others read what was written; the gateway keeps all of it and stops as ever.
async fn assert_unhurt(gateway: Development) {
    let write = "mutation($name: String!) { createPartner(input: { name: $name }) { partner { name } } }";
    for number in 1..=REQUESTS / 2 {
        let name = format!("Partner {number}");
        let written = gateway.client.ask(write, json!({ "name": name })).await.expect("an answer");
        assert_eq!(written, json!({ "createPartner": { "partner": { "name": name } } }));
        let read = gateway.client.ask("{ partners(last: 1) { totalCount nodes { name } } }", json!({})).await;
        let expected = json!({ "totalCount": number, "nodes": [{ "name": name }] });
        assert_eq!(read.expect("an answer")["partners"], expected);
    }
    let begin = Instant::now();
    assert_eq!(gateway.stop().await, Some(0));
    assert!(begin.elapsed() < STOPPED, "{:?}", begin.elapsed());
}

#[tokio::test]
async fn the_stream_is_closed() {
    let folder = tempfile::tempdir().expect("a folder");
    assert_unhurt(Development::without_log(folder.path()).await).await;
}

#[tokio::test]
async fn the_stream_is_a_pipe_whose_reader_has_gone() {
    let folder = tempfile::tempdir().expect("a folder");
    let (reader, writer) = pipe().expect("a pipe");
    drop(reader);
    assert_unhurt(Development::logging(folder.path(), None, writer).await).await;
}

#[tokio::test]
async fn the_stream_is_on_a_full_disk() {
    let folder = tempfile::tempdir().expect("a folder");
    let full = File::options().write(true).open("/dev/full").expect("a full disk");
    assert_unhurt(Development::logging(folder.path(), None, full).await).await;
}

#[tokio::test]
async fn the_stream_is_a_pipe_that_nobody_reads() {
    let folder = tempfile::tempdir().expect("a folder");
    let (reader, writer) = pipe().expect("a pipe");
    let mut filler = writer.try_clone().expect("a pipe");
    // It waits for room until the reader goes, so that the gateway finds none.
    let filling = std::thread::spawn(move || while filler.write_all(&[b'\n'; 4096]).is_ok() {});
    assert_unhurt(Development::logging(folder.path(), None, writer).await).await;
    drop(reader);
    filling.join().expect("a thread that ended");
}

#[tokio::test]
async fn commands_fail_as_ever_where_their_output_cannot_be_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let full = || File::options().write(true).open("/dev/full").expect("a full disk");
    for (arguments, code) in [
        // The error cannot be printed.
        (&["serve", "--config", "absent.toml"][..], 1),
        // The output cannot be written.
        (&["schema"], 1),
        (&["token"], 1),
        (&["nonsense"], 2),
    ] {
        let mut failing = command(folder.path(), arguments);
        failing.stdout(full()).stderr(full());
        assert_eq!(run(failing).await.code, Some(code), "{arguments:?}");
    }
}

/// The address in the line that says where the gateway listens.
fn address(log: PipeReader) -> String {
    BufReader::new(log)
        .lines()
        .find_map(|line| {
            let line: Value = serde_json::from_str(&line.ok()?).ok()?;
            line["fields"]["address"].as_str().map(str::to_owned)
        })
        .expect("a gateway that listens")
}

#[tokio::test]
async fn lines_that_cannot_be_written_are_counted() {
    let folder = tempfile::tempdir().expect("a folder");
    let operator = TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a free port");
    let text = format!(
        "[http]\nlisten = \"127.0.0.1:0\"\n[metrics]\nlisten = \"{operator}\"\n\
         [database]\nurl = \"sqlite://gateway.db?mode=rwc\"\n\
         [auth]\nissuer = \"tests\"\naudience = \"gateway\"\nalgorithm = \"HS256\"\n\
         secret = \"0123456789abcdef0123456789abcdef\"\n"
    );
    std::fs::write(folder.path().join("gateway.toml"), text).expect("a file");
    let migrated = run(command(folder.path(), ["migrate", "up", "--config", "gateway.toml"])).await;
    assert_eq!(migrated.code, Some(0), "{migrated:?}");
    let mut serving = command(folder.path(), ["serve", "--config", "gateway.toml"]);
    let (log, writer) = pipe().expect("a pipe");
    serving.stderr(Stdio::from(writer)).stdout(Stdio::null());
    let process = Process::spawn(serving);
    let address = tokio::task::spawn_blocking(|| address(log)).await.expect("an address");

    // From now on no process reads the log.
    let client = Client::at(address.parse().expect("an address"), "nonsense".to_owned());
    let metrics = Client::at(operator, String::new());
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let answer = client.answer("{ viewer { subject } }", json!({})).await.expect("an answer");
        assert_eq!(answer["errors"][0]["extensions"]["code"], "UNAUTHENTICATED");
        let scraped = metrics.request(reqwest::Method::GET, "metrics").send().await.expect("an answer");
        let text = scraped.text().await.expect("a text");
        let count =
            text.lines().find_map(|line| line.strip_prefix("contact_gateway_log_lines_dropped_total "));
        if count.is_some_and(|count| count.parse::<f64>().expect("a number") >= 10.0) {
            break;
        }
        // A child that another test starts may hold the pipe for a moment.
        assert!(Instant::now() < deadline, "{text}");
    }
    process.ask_to_stop();
    assert_eq!(process.ended().await, Some(0));
}
