//! A debugger for Node.js: the inspector's protocol over a websocket.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use serde_json::{Value, json};

use crate::daemon::{PATIENCE, Served, eventually};

/// A connection to an inspector.
#[derive(Debug)]
pub struct Inspector {
    stream: TcpStream,
    number: u64,
    events: VecDeque<Value>,
}

impl Inspector {
    /// Attaches to the inspector at a port, as soon as there is one.
    ///
    /// # Panics
    /// It does not answer as an inspector does.
    #[must_use]
    pub fn attach(port: u16) -> Inspector {
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        eventually("the inspector", || TcpStream::connect(address).ok());
        let targets = Served { address }.get("/json").json();
        let url = targets[0]["webSocketDebuggerUrl"].as_str().expect("a target").to_owned();
        let path = url.splitn(4, '/').nth(3).expect("a path").to_owned();
        let mut stream = TcpStream::connect(address).expect("the inspector is there");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
        let upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: c2FtZC10ZXN0cy1zYW1kLQ==";
        write!(stream, "GET /{path} HTTP/1.1\r\nHost: {address}\r\n{upgrade}\r\n\r\n").expect("it listens");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(byte(&mut stream));
        }
        assert!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
        Inspector { stream, number: 0, events: VecDeque::new() }
    }

    /// Asks, and gives the result.
    ///
    /// # Panics
    /// It is refused.
    pub fn ask(&mut self, method: &str, parameters: &Value) -> Value {
        self.number += 1;
        let number = self.number;
        self.send(&json!({"id": number, "method": method, "params": parameters}).to_string());
        loop {
            let message = self.receive();
            if message["id"] == number {
                assert!(message.get("error").is_none(), "{method}: {message}");
                return message["result"].clone();
            }
            self.events.push_back(message);
        }
    }

    /// Waits for an event.
    pub fn event(&mut self, method: &str) -> Value {
        loop {
            if let Some(place) = self.events.iter().position(|event| event["method"] == method) {
                return self.events.remove(place).expect("it was found")["params"].clone();
            }
            let message = self.receive();
            self.events.push_back(message);
        }
    }

    fn send(&mut self, text: &str) {
        // A client masks what it sends; a mask of zeros changes nothing.
        let length = u16::try_from(text.len()).expect("a short message").to_be_bytes();
        let head = [&[0x81, 0x80 | 126], &length[..], &[0; 4]].concat();
        self.stream.write_all(&[&head[..], text.as_bytes()].concat()).expect("it listens");
    }

    fn receive(&mut self) -> Value {
        let (_kind, short) = (byte(&mut self.stream), byte(&mut self.stream));
        let length = match short {
            126 => u64::from(byte(&mut self.stream)) << 8 | u64::from(byte(&mut self.stream)),
            127 => (0..8).fold(0, |length, _| length << 8 | u64::from(byte(&mut self.stream))),
            short => u64::from(short),
        };
        let mut body = vec![0; usize::try_from(length).expect("a length")];
        self.stream.read_exact(&mut body).expect("the whole message");
        serde_json::from_slice(&body).expect("a message is JSON")
    }
}

fn byte(stream: &mut TcpStream) -> u8 {
    let mut byte = [0];
    stream.read_exact(&mut byte).expect("the inspector speaks");
    byte[0]
}
