//! A small HTTP server for tests of downloads. It answers as a function tells it, and can drop connections, lie about
//! lengths, and send without end.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// A server on a port of this machine; it stops when it is dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
    stopped: Arc<AtomicBool>,
}

/// What a client has asked for.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// `GET`, `HEAD`, `CONNECT`.
    pub method: String,
    /// The path, or what else the request line names.
    pub path: String,
    /// The headers; their names in small letters.
    pub headers: BTreeMap<String, String>,
    /// How many requests for this path there were before.
    pub earlier: usize,
}

/// What is answered.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The headers, but for the length.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// What the header says of the length; nothing says nothing, and the connection's end is the body's.
    pub length: Option<u64>,
    /// After how many bytes of the body the connection is dropped.
    pub cut: Option<usize>,
    /// Whether the body is sent again and again.
    pub endless: bool,
    /// How long it rests after every 64 KiB.
    pub rest: Duration,
}

impl Server {
    /// Starts a server that answers so.
    pub fn start(answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let requests = Arc::<Mutex<Vec<Request>>>::default();
        let stopped = Arc::<AtomicBool>::default();
        let (answer, seen, stop) = (Arc::new(answer), requests.clone(), stopped.clone());
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if stop.load(Ordering::SeqCst) {
                    break;
                }
                let (answer, seen) = (answer.clone(), seen.clone());
                // Who hangs up has seen enough.
                thread::spawn(move || serve(&stream, &*answer, &seen).unwrap_or_default());
            }
        });
        Self { address, requests, stopped }
    }

    /// The link to a path, which begins with a slash.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// What was asked for, in order.
    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::SeqCst);
        // It waits for a connection before it looks.
        drop(TcpStream::connect(self.address));
    }
}

impl Request {
    /// A header, empty if there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// Where the range that is asked for begins; 0 without a range.
    pub fn from(&self) -> usize {
        let range = self.header("range").strip_prefix("bytes=").and_then(|range| range.strip_suffix('-'));
        range.map_or(0, |first| first.parse().expect("a number"))
    }
}

impl Reply {
    /// A whole file, and no word of ranges or tags.
    pub fn whole(body: &[u8]) -> Self {
        let length = Some(body.len() as u64);
        Self {
            status: 200,
            headers: Vec::new(),
            body: body.into(),
            length,
            cut: None,
            endless: false,
            rest: Duration::ZERO,
        }
    }

    /// A file, or the part of it that is asked for if its tag is still the one that is named.
    pub fn file(body: &[u8], tag: &str, request: &Request) -> Self {
        let (from, named) = (request.from(), request.header("if-range"));
        if from == 0 || !(named.is_empty() || named == tag) {
            return Self::whole(body).with("ETag", tag);
        }
        if from >= body.len() {
            return Self::status(416);
        }
        let range = format!("bytes {from}-{}/{}", body.len() - 1, body.len());
        Self { status: 206, ..Self::whole(&body[from..]) }.with("ETag", tag).with("Content-Range", &range)
    }

    /// A status and nothing else.
    pub fn status(status: u16) -> Self {
        Self { status, ..Self::whole(b"") }
    }

    /// Another place to look.
    pub fn moved(to: &str) -> Self {
        Self::status(302).with("Location", to)
    }

    /// The same with a header.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// The same, but the connection is dropped after so many bytes of the body.
    #[must_use]
    pub fn cut(self, after: usize) -> Self {
        Self { cut: Some(after), ..self }
    }

    /// The same, but the header says another length, or none.
    #[must_use]
    pub fn length(self, length: Option<u64>) -> Self {
        Self { length, ..self }
    }
}

fn serve(
    stream: &TcpStream,
    answer: &(dyn Fn(&Request) -> Reply + Send + Sync),
    seen: &Mutex<Vec<Request>>,
) -> std::io::Result<()> {
    let Some(mut request) = read(stream)? else { return Ok(()) };
    {
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        request.earlier = seen.iter().filter(|earlier| earlier.path == request.path).count();
        seen.push(request.clone());
    }
    write(stream, &request, &answer(&request))
}

fn read(stream: &TcpStream) -> std::io::Result<Option<Request>> {
    let mut lines = BufReader::new(stream.take(1 << 16)).lines();
    let Some(first) = lines.next().transpose()? else { return Ok(None) };
    let mut words = first.split(' ').map(str::to_owned);
    let mut request = Request { method: words.next().unwrap_or_default(), ..Request::default() };
    request.path = words.next().unwrap_or_default();
    for line in lines {
        let line = line?;
        let Some((name, value)) = line.split_once(':') else { break };
        request.headers.insert(name.to_ascii_lowercase(), value.trim().into());
    }
    Ok(Some(request))
}

fn write(mut stream: &TcpStream, request: &Request, reply: &Reply) -> std::io::Result<()> {
    let mut head = format!("HTTP/1.1 {} Said\r\nConnection: close\r\n", reply.status);
    for (name, value) in &reply.headers {
        head += &format!("{name}: {value}\r\n");
    }
    if let Some(length) = reply.length {
        head += &format!("Content-Length: {length}\r\n");
    }
    stream.write_all(format!("{head}\r\n").as_bytes())?;
    if request.method == "HEAD" {
        return Ok(());
    }
    let sent = reply.cut.unwrap_or(reply.body.len()).min(reply.body.len());
    for chunk in reply.body[..sent].chunks(1 << 16) {
        stream.write_all(chunk)?;
        thread::sleep(reply.rest);
    }
    if reply.endless {
        loop {
            stream.write_all(&reply.body)?;
        }
    }
    stream.flush()
}
