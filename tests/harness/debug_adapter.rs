//! A debugger, as an editor is one: debugpy's Debug Adapter Protocol over a socket.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

use crate::daemon::{PATIENCE, eventually};

/// A connection to an adapter that has greeted: before the adapter listens, an engine's forwarded port takes connections
/// and breaks them.
fn greeted(port: u16) -> Option<TcpStream> {
    let stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(GREETING)).ok()?;
    matches!(stream.peek(&mut [0]), Ok(1)).then_some(stream)
}

/// How long an adapter may take for its greeting.
const GREETING: Duration = Duration::from_secs(5);

/// A connection to an adapter.
#[derive(Debug)]
pub struct DebugAdapter {
    stream: BufReader<TcpStream>,
    sequence: u64,
    events: VecDeque<Value>,
}

impl DebugAdapter {
    /// Attaches to the adapter at a port, as soon as there is one, with a breakpoint on a line of a file.
    ///
    /// # Panics
    /// It does not answer as an adapter does.
    #[must_use]
    pub fn attach(port: u16, file: &str, line: u32) -> DebugAdapter {
        let stream = eventually("the debug adapter", || greeted(port));
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
        let mut adapter = DebugAdapter { stream: BufReader::new(stream), sequence: 0, events: VecDeque::new() };
        adapter.ask("initialize", &json!({"adapterID": "debugpy", "clientID": "samd-tests", "pathFormat": "path"}));
        // The answer to this one comes after the configuration is done.
        adapter.send("attach", &json!({"justMyCode": false, "subProcess": false}));
        adapter.event("initialized");
        let breakpoints = json!({"source": {"path": file}, "breakpoints": [{"line": line}]});
        let set = adapter.ask("setBreakpoints", &breakpoints);
        assert_eq!(set["breakpoints"][0]["verified"], true, "{set}");
        adapter.ask("configurationDone", &json!({}));
        adapter
    }

    /// Waits until a thread has stopped, and gives its number.
    ///
    /// # Panics
    /// None does.
    pub fn stopped(&mut self) -> u64 {
        let event = self.event("stopped");
        assert_eq!(event["reason"], "breakpoint", "{event}");
        event["threadId"].as_u64().expect("a thread")
    }

    /// What an expression is worth where a thread has stopped.
    ///
    /// # Panics
    /// The thread has no frames.
    pub fn evaluate(&mut self, thread: u64, expression: &str) -> String {
        let trace = self.ask("stackTrace", &json!({"threadId": thread}));
        let frame = trace["stackFrames"][0]["id"].clone();
        let value = self.ask("evaluate", &json!({"expression": expression, "frameId": frame, "context": "repl"}));
        value["result"].as_str().expect("a result").to_owned()
    }

    /// Lets a thread go on.
    pub fn go_on(&mut self, thread: u64) {
        self.ask("continue", &json!({"threadId": thread}));
    }

    fn send(&mut self, command: &str, arguments: &Value) -> u64 {
        self.sequence += 1;
        let message = json!({"seq": self.sequence, "type": "request", "command": command, "arguments": arguments});
        let message = message.to_string();
        write!(self.stream.get_mut(), "Content-Length: {}\r\n\r\n{message}", message.len())
            .expect("the adapter listens");
        self.sequence
    }

    fn ask(&mut self, command: &str, arguments: &Value) -> Value {
        let sequence = self.send(command, arguments);
        loop {
            let message = self.receive();
            if message["type"] == "event" {
                self.events.push_back(message);
            } else if message["request_seq"] == sequence {
                assert_eq!(message["success"], true, "{command}: {message}");
                return message["body"].clone();
            }
        }
    }

    fn event(&mut self, name: &str) -> Value {
        if let Some(place) = self.events.iter().position(|event| event["event"] == name) {
            return self.events.remove(place).expect("it was found")["body"].clone();
        }
        loop {
            let message = self.receive();
            if message["event"] == name {
                return message["body"].clone();
            }
        }
    }

    fn receive(&mut self) -> Value {
        let mut length = 0;
        loop {
            let mut line = String::new();
            assert!(self.stream.read_line(&mut line).expect("a line of the adapter") > 0, "the adapter hung up");
            match line.trim_end().split_once(": ") {
                Some(("Content-Length", value)) => length = value.parse().expect("a length"),
                Some(_) => {}
                None => break,
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).expect("the whole message");
        serde_json::from_slice(&body).expect("a message is JSON")
    }
}
