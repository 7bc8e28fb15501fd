//! The server as a process: how it starts, how it stops, and what it keeps when it is killed.
#![cfg(all(unix, feature = "serve"))]

mod common;

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use common::Folder;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

/// How often the server is killed.
const KILLS: usize = 20;

/// A server, and what it has said so far.
struct Server {
    child: Child,
    address: String,
    said: std::thread::JoinHandle<String>,
}

/// An answer: its status, and its body.
struct Answer {
    status: u16,
    body: Vec<u8>,
}

impl Server {
    fn start(folder: &Folder) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_amplio"));
        command.args([
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--model",
            "anime",
            "--threads",
            "2",
            "--rate",
            "0",
        ]);
        command.args(["--attempts", "1000", "--drain-time", "100ms", "--data"]).arg(folder.path("data"));
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts");
        let mut errors = child.stderr.take().expect("standard error");
        let said = std::thread::spawn(move || {
            let mut text = String::new();
            errors.read_to_string(&mut text).expect("text");
            text
        });
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("standard output")).read_line(&mut line).expect("a line");
        let address =
            line.trim().strip_prefix("listening on ").unwrap_or_else(|| panic!("{line}")).to_owned();
        Self { child, address, said }
    }

    /// Kills it, if nobody has; what it had said.
    fn kill(mut self) -> String {
        self.child.kill().expect("killed");
        self.child.wait().expect("gone");
        self.said.join().expect("what it said")
    }

    /// Sends a request; `None` if the server was not there to answer it whole.
    fn send(&self, method: &str, path: &str, head: &str, body: &[u8]) -> Option<Answer> {
        let mut stream = TcpStream::connect(&self.address).ok()?;
        let length = body.len();
        let start = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{head}");
        stream.write_all(format!("{start}content-length: {length}\r\n\r\n").as_bytes()).ok()?;
        stream.write_all(body).ok()?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).ok()?;
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(&answer[..end]).to_lowercase();
        let length =
            head.lines().find_map(|line| line.strip_prefix("content-length: "))?.parse::<usize>().ok()?;
        let body = answer.split_off(end + 4);
        let status = head.split(' ').nth(1)?.parse().ok()?;
        (body.len() == length).then_some(Answer { status, body })
    }

    fn job(&self, id: &str) -> Value {
        let answer = self.send("GET", &format!("/v1/jobs/{id}"), "", &[]).expect("an answer");
        assert_eq!(answer.status, 200, "{id} was accepted and is lost");
        serde_json::from_slice(&answer.body).expect("JSON")
    }

    /// What a job has made, when it is done.
    fn output(&self, id: &str) -> Vec<u8> {
        let mut job = self.job(id);
        while !["done", "failed", "cancelled"].contains(&job["state"].as_str().expect("a state")) {
            std::thread::sleep(Duration::from_millis(50));
            job = self.job(id);
        }
        assert_eq!(job["state"], "done", "{job}");
        self.send("GET", &format!("/v1/jobs/{id}/output"), "", &[]).expect("an answer").body
    }
}

/// What happened, from what servers said: whole lines, even of those that were killed.
fn events(said: &str) -> Vec<Value> {
    said.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

fn picture(folder: &Folder, number: usize) -> Vec<u8> {
    use amplio::media::{Channels, Depth, Header, Metadata};
    let name = format!("{number}.png");
    let side = 40 + 8 * number as u32;
    folder.picture(&name, Header::new(side, 64, Channels::Rgb, Depth::U8), Metadata::default());
    std::fs::read(folder.path(&name)).expect("a picture")
}

/// A small video of several segments.
fn clip(folder: &Folder) -> Vec<u8> {
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=24x16:rate=10"]);
    command.args(["-frames:v", "150", "-c:v", "libx264", "-y"]).arg(folder.path("clip.mkv"));
    assert!(command.status().expect("ffmpeg").success());
    std::fs::read(folder.path("clip.mkv")).expect("a clip")
}

/// Hands a job in under a key of its own; whether the server has answered.
fn hand_in(
    server: &Server,
    request: usize,
    things: &[Vec<u8>],
    accepted: &mut HashMap<String, usize>,
) -> bool {
    let (head, number) = (format!("idempotency-key: {request}\r\n"), request % things.len());
    let Some(answer) = server.send("POST", "/v1/jobs", &head, &things[number]) else { return false };
    let body = String::from_utf8_lossy(&answer.body);
    assert_eq!(answer.status, 202, "{body}");
    let job: Value = serde_json::from_str(&body).expect("JSON");
    accepted.insert(job["id"].as_str().expect("an id").to_owned(), number);
    true
}

#[test]
fn no_accepted_job_is_lost_however_often_the_server_is_killed() {
    let folder = Folder::new();
    let mut things: Vec<_> = (0..9).map(|number| picture(&folder, number)).collect();
    things.push(clip(&folder));
    let other = Folder::new();
    let undisturbed = Server::start(&other);
    let mut jobs = HashMap::new();
    for number in 0..things.len() {
        assert!(hand_in(&undisturbed, number, &things, &mut jobs));
    }
    let expected: HashMap<_, _> = jobs.iter().map(|(id, number)| (*number, undisturbed.output(id))).collect();
    undisturbed.kill();

    let random = RandomState::new();
    let mut accepted: HashMap<String, usize> = HashMap::new();
    let mut unanswered = Vec::new();
    let mut said = String::new();
    for round in 0..KILLS {
        let server = Server::start(&folder);
        let end = Duration::from_millis(random.hash_one(round) % 400);
        let process = Pid::from_raw(server.child.id().cast_signed());
        let killer = std::thread::spawn(move || {
            std::thread::sleep(end);
            kill(process, Signal::SIGKILL).expect("killed");
        });
        unanswered.extend([2 * round, 2 * round + 1]);
        // A client that heard no answer sends the same again, to the next server.
        unanswered.retain(|&request| !hand_in(&server, request, &things, &mut accepted));
        killer.join().expect("killed");
        said += &server.kill();
    }

    let server = Server::start(&folder);
    unanswered.retain(|&request| !hand_in(&server, request, &things, &mut accepted));
    assert_eq!((accepted.len(), unanswered.len()), (2 * KILLS, 0), "the same key is the same job");
    for (id, number) in &accepted {
        assert!(server.output(id) == expected[number], "{id} has another output than it would have had");
    }
    said += &server.kill();
    let mut published = HashSet::new();
    for event in events(&said).iter().filter(|event| event["event"] == "job_done") {
        let id = event["job"].as_str().expect("an id");
        assert!(accepted.contains_key(id), "{id} is nobody's job");
        assert!(published.insert(id.to_owned()), "{id} was published twice");
    }
    let files = std::fs::read_dir(folder.path("data/uploads")).expect("a folder").count();
    assert_eq!(files, 0, "nothing half received is left");
}

#[test]
fn settings_are_checked_and_shown() {
    let folder = Folder::new();
    folder.write("amplio.toml", b"listen = '127.0.0.1:9'\nparallel = 3\n");
    let ran = folder.run(["serve", "--check", "--config", "amplio.toml", "--parallel", "5"]);
    let text = String::from_utf8_lossy(&ran.out).into_owned();
    assert_eq!(ran.code, 0, "{}", ran.err);
    let value = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(&format!("{name} "))).expect("a line");
        line.split_whitespace().nth(2).expect("a value").to_owned()
    };
    assert_eq!((value("listen").as_str(), value("parallel").as_str()), ("127.0.0.1:9", "5"));
    for (arguments, reason) in [
        (&["serve", "--check", "--listen", "0.0.0.0:80"][..], "API keys"),
        (&["serve", "--check", "--tls-cert", "none.pem"], "tls-key"),
        (&["serve", "--check", "--max-body", "much"], "max-body"),
        (&["serve", "--check", "--config", "none.toml"], "none.toml: No such file"),
        (&["serve", "--check", "--keys", "amplio.toml"], "line 1"),
        (&["serve", "--check", "--model", "nonesuch"], "nonesuch"),
        (&["serve", "--new-key", "#x"], "a name is made of"),
    ] {
        let ran = folder.run(arguments);
        assert!(ran.code != 0 && ran.err.contains(reason), "{arguments:?}: {}", ran.err);
    }
}

#[test]
fn a_server_says_whether_it_lives() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let address = server.address.clone();
    folder.run(["serve", "--probe", "--listen", &address]).succeeded();
    server.kill();
    folder.run(["serve", "--probe", "--listen", &address]).failed(1, "refused");
}

#[test]
fn a_server_stops_when_it_is_asked_to() {
    let folder = Folder::new();
    let mut server = Server::start(&folder);
    assert_eq!(server.send("GET", "/healthz", "", &[]).expect("an answer").status, 200);
    kill(Pid::from_raw(server.child.id().cast_signed()), Signal::SIGTERM).expect("asked");
    assert!(server.child.wait().expect("gone").success());
    let said = server.said.join().expect("what it said");
    assert_eq!(events(&said).last().expect("an event")["event"], "stopped", "{said}");
}
