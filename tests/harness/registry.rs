//! A stand-in for a registry of images: as much of the registry's protocol as an engine needs to pull one, for an image
//! that is made up on the spot.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;

use serde_json::json;
use sha2::{Digest, Sha256};

const MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const CONFIG: &str = "application/vnd.docker.container.image.v1+json";
const LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";

/// A registry with one image.
#[derive(Debug)]
pub struct Registry {
    /// Where it listens.
    pub address: SocketAddr,
    shelf: Arc<Shelf>,
}

#[derive(Debug)]
struct Shelf {
    /// What is served, by digest: media type and bytes.
    blobs: BTreeMap<String, (&'static str, Vec<u8>)>,
    manifest: String,
    /// The layer that is held back half-way.
    slow: String,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    released: bool,
    asked: BTreeMap<String, usize>,
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold("sha256:".to_owned(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string can be written");
        text
    })
}

/// One file as a tar archive.
fn archive(name: &str, mode: u32, bytes: &[u8]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_mode(mode);
    header.set_size(bytes.len() as u64);
    archive.append_data(&mut header, name, bytes).expect("memory can be written");
    archive.into_inner().expect("memory can be written")
}

impl Registry {
    /// A registry with an image of `program` at `/own` and a layer of `ballast`, which is held back half-way until
    /// [`Registry::release`].
    ///
    /// # Panics
    /// No port can be had.
    #[must_use]
    pub fn with(program: &[u8], ballast: &[u8]) -> Registry {
        let layers = [archive("own", 0o755, program), archive("ballast", 0o644, ballast)];
        let diffs: Vec<String> = layers.iter().map(|layer| digest(layer)).collect();
        let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
        let config = json!({
            "architecture": architecture, "os": "linux", "rootfs": {"type": "layers", "diff_ids": diffs},
            "config": {"Entrypoint": ["/own"], "Cmd": ["pulled"], "WorkingDir": "/"}, "history": [{}, {}],
        });
        let config = config.to_string().into_bytes();
        let described =
            |kind: &str, bytes: &[u8]| json!({"mediaType": kind, "size": bytes.len(), "digest": digest(bytes)});
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "config": described(CONFIG, &config),
            "layers": layers.iter().map(|layer| described(LAYER, layer)).collect::<Vec<_>>(),
        });
        let manifest = manifest.to_string().into_bytes();
        let (name, slow) = (digest(&manifest), digest(&layers[1]));
        let all = [(MANIFEST, manifest), (CONFIG, config)].into_iter().chain(layers.map(|layer| (LAYER, layer)));
        let blobs = all.map(|(kind, bytes)| (digest(&bytes), (kind, bytes))).collect();
        let shelf = Arc::new(Shelf { blobs, manifest: name, slow, state: Mutex::default(), changed: Condvar::new() });
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port can be had");
        let address = listener.local_addr().expect("a listener has an address");
        let served = shelf.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shelf = served.clone();
                // An engine that breaks off is seen by the test that waits for it.
                thread::spawn(move || drop(shelf.serve(stream)));
            }
        });
        Registry { address, shelf }
    }

    /// The image's name for an engine of this machine.
    #[must_use]
    pub fn image(&self) -> String {
        format!("{}/stand-in/own:1", self.address)
    }

    /// Lets the layer through that was held back.
    pub fn release(&self) {
        self.shelf.state.lock().unwrap_or_else(PoisonError::into_inner).released = true;
        self.shelf.changed.notify_all();
    }

    /// How often each blob was fetched, manifests left out.
    #[must_use]
    pub fn fetched(&self) -> Vec<usize> {
        self.shelf.state.lock().unwrap_or_else(PoisonError::into_inner).asked.values().copied().collect()
    }
}

impl Shelf {
    fn serve(&self, stream: TcpStream) -> std::io::Result<()> {
        let mut reader = BufReader::new(stream.try_clone()?);
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            loop {
                let mut header = String::new();
                if reader.read_line(&mut header)? == 0 || header.trim().is_empty() {
                    break;
                }
            }
            let mut words = line.split_whitespace();
            let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
            self.answer(&stream, method, path)?;
        }
    }

    fn answer(&self, mut stream: &TcpStream, method: &str, path: &str) -> std::io::Result<()> {
        let name = path.rsplit('/').next().unwrap_or_default();
        let name = if name == "1" { self.manifest.as_str() } else { name };
        let (status, kind, bytes) = match (path, self.blobs.get(name)) {
            ("/v2/", _) => ("200 OK", "application/json", &b"{}"[..]),
            (_, Some((kind, bytes))) => ("200 OK", *kind, bytes.as_slice()),
            (_, None) => (
                "404 Not Found",
                "application/json",
                &br#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}"#[..],
            ),
        };
        let length = bytes.len();
        write!(
            stream,
            "HTTP/1.1 {status}\r\nDocker-Distribution-Api-Version: registry/2.0\r\nDocker-Content-Digest: {name}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n"
        )?;
        if method == "HEAD" {
            return Ok(());
        }
        if path.contains("/blobs/") {
            *self.state.lock().unwrap_or_else(PoisonError::into_inner).asked.entry(name.to_owned()).or_default() += 1;
        }
        let (first, rest) = bytes.split_at(if name == self.slow { length / 2 } else { 0 });
        stream.write_all(first)?;
        if name == self.slow {
            let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            drop(self.changed.wait_while(state, |state| !state.released));
        }
        stream.write_all(rest)
    }
}
