//! A function that is a whole image: one static program with a runtime of its own, on the standard library alone.
//!
//! It answers each invocation with its arguments, its folder and a few of its variables; an event that holds `exit`
//! ends it in the middle of the invocation.

use std::env;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

fn main() {
    println!("the image's own program starts");
    let api = env::var("AWS_LAMBDA_RUNTIME_API").expect("a Runtime API is named");
    loop {
        let (id, event) = ask(&api, "GET", "/2018-06-01/runtime/invocation/next", "");
        if event.contains("exit") {
            eprintln!("leaving as asked");
            std::process::exit(7);
        }
        println!("an event of {} bytes", event.len());
        ask(&api, "POST", &format!("/2018-06-01/runtime/invocation/{id}/response"), &answer());
    }
}

fn answer() -> String {
    let arguments: Vec<String> = env::args().collect();
    let folder = env::current_dir().unwrap_or_default();
    let handler = env::var("_HANDLER").unwrap_or_default();
    let execution = env::var("AWS_EXECUTION_ENV").unwrap_or_default();
    let body = format!("{} in {} as {execution} {handler}", arguments.join(" "), folder.display());
    format!(r#"{{"statusCode":200,"body":"{}"}}"#, body.trim_end())
}

/// One call on a connection of its own: the request's id, where there is one, and the body.
fn ask(api: &str, method: &str, path: &str, body: &str) -> (String, String) {
    let mut stream = TcpStream::connect(api).expect("the Runtime API is there");
    let length = body.len();
    write!(stream, "{method} {path} HTTP/1.1\r\nHost: {api}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}")
        .expect("the request is sent");
    let mut reader = BufReader::new(stream);
    let (mut id, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).expect("a reply");
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            if line.trim_end().is_empty() { break }
            continue;
        };
        match name.to_ascii_lowercase().as_str() {
            "lambda-runtime-aws-request-id" => id = value.to_owned(),
            "content-length" => length = value.parse().expect("a length"),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("the whole body");
    (id, String::from_utf8_lossy(&body).into_owned())
}
