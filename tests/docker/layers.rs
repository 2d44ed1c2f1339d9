//! Published layers, fetched from a stand-in for Lambda.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::sync::{Arc, Mutex};
use std::thread;

use samd_tests::command_line::CommandLine;
use samd_tests::daemon::{Daemon, Project};

const ARN: &str = "arn:aws:lambda:eu-west-1:123456789012:layer:words:3";
const CODE: &str = "
import subprocess, word
def handler(event, context):
    said = subprocess.run(['/opt/bin/say'], capture_output=True, text=True) if 'x' == event['path'][1:] else None
    return {'statusCode': 200, 'body': word.WORD}
";

/// Answers `GetLayerVersionByArn` and the archive that it names, and writes down what it was asked.
struct FakeLambda {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl FakeLambda {
    fn with(archive: Vec<u8>) -> FakeLambda {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, asked) = (listener.local_addr().unwrap(), Arc::<Mutex<Vec<String>>>::default());
        let heard = asked.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A client that breaks off is the test's own.
                drop(answer(stream, address, &archive, &heard));
            }
        });
        FakeLambda { address, asked }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn answer(
    mut stream: TcpStream,
    address: SocketAddr,
    archive: &[u8],
    heard: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut head = String::new();
    while reader.read_line(&mut head)? > 2 {}
    heard.lock().unwrap().push(head.clone());
    let described = format!(r#"{{"Content":{{"Location":"http://{address}/archive.zip?signed=1"}},"Version":3}}"#);
    let (status, body) = match head.split(' ').nth(1).unwrap_or_default() {
        path if path.starts_with("/archive.zip") => ("200 OK", archive.to_vec()),
        path if path.contains("words%3A3") => ("200 OK", described.into_bytes()),
        _ => ("404 Not Found", br#"{"Message":"no such layer"}"#.to_vec()),
    };
    write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len())?;
    stream.write_all(&body)
}

/// A zip of these files, made by the machine's own Python.
fn zip(files: &[(&str, &str)]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("layer.zip");
    let code = "import sys, zipfile\nz = zipfile.ZipFile(sys.argv[1], 'w')\nfor name, text in zip(sys.argv[2::2], sys.argv[3::2]):\n    i = zipfile.ZipInfo(name); i.external_attr = 0o100755 << 16; z.writestr(i, text)\nz.close()";
    let arguments = files.iter().flat_map(|(name, text)| [*name, *text]);
    let ran = std::process::Command::new("python3").args(["-c", code]).arg(&place).args(arguments).status();
    assert!(ran.unwrap().success());
    std::fs::read(place).unwrap()
}

fn project(arn: &str) -> Project {
    let layers = format!("      Timeout: 10\n      Layers: ['{arn}']");
    let template = samd_tests::daemon::PYTHON.replace("      Timeout: 10", &layers);
    Project::of(&[("template.yaml", &template), ("src/app.py", CODE)])
}

fn start(
    daemon: &Daemon,
    project: &Project,
    lambda: Option<&FakeLambda>,
    more: &[&str],
) -> samd_tests::command_line::Ran {
    let mut line = CommandLine::new(daemon.state());
    if let Some(lambda) = lambda {
        line = line.with("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE").with("AWS_SECRET_ACCESS_KEY", "secret");
        line = line.with("AWS_ENDPOINT_URL_LAMBDA", &format!("http://{}", lambda.address));
    }
    let path = project.path().to_str().unwrap();
    let arguments = [&["start", path, "--name", "layered", "--sandbox", "process"], more].concat();
    line.run(&arguments)
}

#[test]
fn a_published_layer_is_fetched_once_with_the_callers_credentials_and_kept_by_its_version() {
    let lambda =
        FakeLambda::with(zip(&[("python/word.py", "WORD = 'published'\n"), ("bin/say", "#!/bin/sh\necho hi\n")]));
    let (cache, project) = (tempfile::tempdir().unwrap(), project(ARN));
    let keep = ["--layer-cache-basedir", cache.path().to_str().unwrap()];
    let daemon = Daemon::start();
    let ran = start(&daemon, &project, Some(&lambda), &keep);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert_eq!(daemon.address("layered").get("/y").text(), "published", "{}", daemon.log());
    let asked = lambda.asked();
    assert_eq!(asked.len(), 2, "{asked:?}");
    assert!(asked[0].contains("find=LayerVersion") && asked[0].contains("Credential=AKIDEXAMPLE/"), "{}", asked[0]);
    assert!(!asked[1].to_ascii_lowercase().contains("authorization"), "{}", asked[1]);
    let kept: Vec<_> = std::fs::read_dir(cache.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(kept.len() == 1 && kept[0].file_name().unwrap().to_str().unwrap().starts_with("words-3-"), "{kept:?}");
    let mode = std::fs::metadata(kept[0].join("bin/say")).unwrap().permissions().mode();
    assert_eq!(mode & 0o111, 0o111);

    let without = Daemon::start();
    let ran = start(&without, &project, None, &keep);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert_eq!(without.address("layered").get("/y").text(), "published", "what is kept needs no credentials");
    assert_eq!(lambda.asked().len(), 2);
}

#[test]
fn a_published_layer_that_cannot_be_had_is_named_and_a_local_copy_stands_for_it() {
    let (daemon, project) = (Daemon::start(), project(ARN));
    assert_eq!(start(&daemon, &project, None, &[]).code, 0);
    assert!(daemon.address("layered").get("/y").status >= 500);
    let status = daemon.status_text("layered");
    assert!(status.contains(ARN) && status.contains("--layer"), "{status}");
    let copy = tempfile::tempdir().unwrap();
    std::fs::create_dir(copy.path().join("python")).unwrap();
    std::fs::write(copy.path().join("python/word.py"), "WORD = 'copied'\n").unwrap();
    let mapped = format!("{ARN}={}", copy.path().display());
    let ran = daemon.samctl(&["set", "layered", "--layer", &mapped]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert_eq!(daemon.address("layered").get("/y").text(), "copied");
}

#[test]
fn an_archive_that_reaches_outside_its_folder_is_refused() {
    let lambda = FakeLambda::with(zip(&[("../../escaped.py", "WORD = 'out'\n")]));
    let (cache, project, daemon) = (tempfile::tempdir().unwrap(), project(ARN), Daemon::start());
    let deep = cache.path().join("a/b/c");
    assert_eq!(start(&daemon, &project, Some(&lambda), &["--layer-cache-basedir", deep.to_str().unwrap()]).code, 0);
    assert!(daemon.address("layered").get("/y").status >= 500);
    let status = daemon.status_text("layered");
    assert!(status.contains("cannot be unpacked"), "{status}");
    assert!(!cache.path().join("a/escaped.py").exists() && !cache.path().join("a/b/escaped.py").exists());
}
