//! Headless Chromium looking at a page of ours. The page's script runs as it would on any web page, and what it returns
//! comes back as JSON.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::Value;

/// How long a page may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A web site of one page.
#[derive(Debug)]
pub struct Site {
    address: SocketAddr,
    listener: TcpListener,
}

impl Site {
    /// A site on a port of its own.
    ///
    /// # Panics
    /// There is no port.
    #[must_use]
    pub fn open() -> Site {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        Site { address: listener.local_addr().expect("it has an address"), listener }
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Opens the page in a browser under `url`'s origin and returns what `script`, the body of an async function,
    /// returns. `rules` say where host names lead (`--host-resolver-rules`); the page has to come to this site.
    ///
    /// # Panics
    /// There is no browser, or the page does not answer in time.
    #[must_use]
    pub fn visited(self, url: &str, rules: &str, script: &str) -> Value {
        let (tell, told) = mpsc::channel();
        let page = page(script, self.address);
        std::thread::spawn(move || {
            for stream in self.listener.incoming() {
                let (Ok(stream), page, tell) = (stream, page.clone(), tell.clone()) else { continue };
                std::thread::spawn(move || answer(stream, &page, &tell));
            }
        });
        let folder = tempfile::tempdir().expect("a folder can be made");
        let _browser = Browser::started(url, rules, folder.path());
        let told = told.recv_timeout(PATIENCE).expect("the page tells what it saw");
        let told: Value = serde_json::from_str(&told).unwrap_or_else(|_| panic!("no JSON: {told}"));
        assert!(told.get("failed").is_none(), "the page's script failed: {told}");
        told
    }
}

/// A page that runs the script and tells what came of it to its site, by the address that is true whatever name led there.
fn page(script: &str, site: SocketAddr) -> String {
    format!(
        "<!doctype html><meta charset=utf-8><title>page</title><script type=module>\n\
         const run = async () => {{\n{script}\n}};\n\
         const told = await run().catch((problem) => ({{ failed: String(problem) }}));\n\
         await fetch('http://{site}/told', {{ method: 'POST', mode: 'no-cors', body: JSON.stringify(told) }});\n</script>"
    )
}

fn answer(mut stream: TcpStream, page: &str, tell: &mpsc::Sender<String>) {
    let Ok(copy) = stream.try_clone() else { return };
    let mut reader = BufReader::new(copy);
    let Some((first, length)) = head(&mut reader) else { return };
    let mut body = vec![0; length];
    if reader.read_exact(&mut body).is_err() {
        return;
    }
    let page = if first.starts_with("POST /told") {
        // A test that has ended wants to know no more.
        drop(tell.send(String::from_utf8_lossy(&body).into_owned()));
        ""
    } else {
        page
    };
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n";
    drop(stream.write_all(format!("{head}Content-Length: {}\r\n\r\n{page}", page.len()).as_bytes()));
}

/// The request line, and the length of what follows the head.
fn head(reader: &mut impl BufRead) -> Option<(String, usize)> {
    let mut lines = reader.lines().map_while(Result::ok);
    let first = lines.next()?;
    let mut length = 0;
    for line in lines.take_while(|line| !line.is_empty()) {
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length: ") {
            length = value.parse().ok()?;
        }
    }
    Some((first, length))
}

/// A running browser; it is killed when this is dropped.
struct Browser(Child);

impl Browser {
    fn started(url: &str, rules: &str, folder: &Path) -> Browser {
        let mut command = Command::new("chromium");
        command
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
            .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
            .args(["--disable-dev-shm-usage", "--remote-debugging-port=0"])
            .arg(format!("--user-data-dir={}", folder.display()))
            .arg(format!("--host-resolver-rules={rules}"))
            .arg(url)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        Browser(command.spawn().expect("chromium is installed by tests/install/browser.sh"))
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Leads what comes to a port to two places: the page to its own site, all else to another server. To the browser it is
/// one origin, as when a name's address is changed behind a page's back (DNS rebinding).
#[derive(Debug)]
pub struct Rebound {
    /// Its port.
    pub port: u16,
}

impl Rebound {
    /// Leads the page to `site` and all else to `target`.
    ///
    /// # Panics
    /// There is no port.
    #[must_use]
    pub fn between(site: u16, target: u16) -> Rebound {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("it has an address").port();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                std::thread::spawn(move || lead(stream, site, target));
            }
        });
        Rebound { port }
    }
}

fn lead(mut from: TcpStream, site: u16, target: u16) {
    let mut start = [0; 4096];
    let Ok(read) = from.read(&mut start) else { return };
    let start = &start[..read];
    let own = start.starts_with(b"GET / ");
    let Ok(mut to) = TcpStream::connect(("127.0.0.1", if own { site } else { target })) else { return };
    if to.write_all(start).is_err() {
        return;
    }
    let (Ok(mut from_again), Ok(mut to_again)) = (from.try_clone(), to.try_clone()) else { return };
    std::thread::spawn(move || drop(std::io::copy(&mut from_again, &mut to_again)));
    drop(std::io::copy(&mut to, &mut from));
    drop(from.shutdown(std::net::Shutdown::Both));
}
