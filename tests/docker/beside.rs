//! While an image is built, everything else goes on.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use samd_tests::daemon::{Daemon, PATIENCE, Project, eventually};
use samd_tests::engine::docker;

/// A build that connects here and goes on when it is let go.
struct Gate(TcpListener);

impl Gate {
    fn open() -> Gate {
        let listener = TcpListener::bind("0.0.0.0:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        Gate(listener)
    }

    /// The address for those in containers.
    fn address(&self) -> (String, u16) {
        let network = docker(&["network", "inspect", "bridge", "--format", "{{(index .IPAM.Config 0).Subnet}}"]);
        let (subnet, _) = network.split_once('/').unwrap();
        let host = format!("{}.1", subnet.rsplit_once('.').unwrap().0);
        (host, self.0.local_addr().unwrap().port())
    }

    /// The build that waits here.
    fn build(&self) -> TcpStream {
        let (stream, _) = eventually("a build", || self.0.accept().ok());
        stream.set_nonblocking(false).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    fn dockerfile(&self) -> String {
        let arch = if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" };
        let (host, port) = self.address();
        format!(
            "FROM public.ecr.aws/lambda/python:3.11-{arch}\nCOPY app.py /var/task/\n\
             RUN python3 -c \"import socket; assert socket.create_connection(('{host}', {port})).recv(1)\"\n\
             CMD [\"app.handler\"]\n"
        )
    }
}

fn app(word: &str) -> String {
    format!("def handler(event, context): return {{'statusCode': 200, 'body': '{word}'}}\n")
}

const TEMPLATE: &str = "Transform: AWS::Serverless-2016-10-31
Resources:
  Image:
    Type: AWS::Serverless::Function
    Metadata: {Dockerfile: Dockerfile, DockerContext: ./image, DockerTag: v1}
    Properties:
      PackageType: Image
      MemorySize: 128
      Timeout: 10
      Events: {Any: {Type: Api, Properties: {Path: /image, Method: get}}}
  Code:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: src/
      Handler: app.handler
      Runtime: python3.11
      Timeout: 10
      Events:
        Any: {Type: Api, Properties: {Path: /code, Method: get}}
";

fn project(gate: &Gate) -> Project {
    Project::of(&[
        ("template.yaml", TEMPLATE),
        ("image/Dockerfile", &gate.dockerfile()),
        ("image/app.py", &app("one")),
        ("src/app.py", &app("first")),
    ])
}

#[test]
fn edits_and_routes_are_served_while_an_image_is_built_and_a_newer_edit_stops_the_build() {
    let (daemon, gate) = (Daemon::start(), Gate::open());
    let project = project(&gate);
    let path = project.path().to_str().unwrap();
    let served = thread::scope(|scope| {
        let start = scope.spawn(|| daemon.samctl(&["start", path, "--name", "beside", "--sandbox", "docker"]));
        let mut build = gate.build();
        let served = daemon.address("beside");
        assert_eq!(served.get("/code").text(), "first", "it needs no image that is being built");
        let waits = scope.spawn(move || served.get("/image"));
        eventually("a request that waits for the image", || {
            daemon.status_text("beside").contains("\"waiting\": 1").then_some(())
        });
        assert!(!start.is_finished());
        build.write_all(b".").unwrap();
        let first = waits.join().unwrap();
        assert_eq!((first.status, first.text().as_str()), (200, "one"));
        let started = start.join().unwrap();
        assert_eq!(started.code, 0, "{}{}", started.out, started.err);
        assert!(started.err.contains("building samd/beside/image:v1: "), "{}", started.err);
        served
    });

    project.write("image/app.py", &app("two"));
    let mut superseded = gate.build();
    project.write("src/app.py", &app("second"));
    eventually("the other function's edit", || (served.get("/code").text() == "second").then_some(()));
    let more = TEMPLATE.to_owned() + "        More: {Type: Api, Properties: {Path: /more, Method: get}}\n";
    project.write("template.yaml", &more);
    eventually("the new route", || (served.get("/more").text() == "second").then_some(()));
    assert_eq!(served.get("/image").text(), "one", "its last version goes on");
    let status = daemon.status_text("beside");
    assert!(status.contains("image samd/beside/image:v1 is being built"), "{status}");

    project.write("image/app.py", &app("three"));
    let mut build = gate.build();
    assert_eq!(superseded.read(&mut [0]).unwrap(), 0, "the build of the second edit is stopped");
    build.write_all(b".").unwrap();
    eventually("the third edit", || {
        let text = served.get("/image").text();
        assert_ne!(text, "two");
        (text == "three").then_some(())
    });
    assert!(!daemon.status_text("beside").contains("is being built"));
}

#[test]
fn a_forced_reload_waits_for_the_image_and_a_stop_gives_it_up() {
    let (daemon, gate) = (Daemon::start(), Gate::open());
    let project = project(&gate);
    let path = project.path().to_str().unwrap();
    thread::scope(|scope| {
        let start = scope.spawn(|| daemon.samctl(&["start", path, "--name", "given-up", "--sandbox", "docker"]));
        gate.build().write_all(b".").unwrap();
        assert_eq!(start.join().unwrap().code, 0);
        let served = daemon.address("given-up");

        project.write("image/app.py", &app("two"));
        let reload = scope.spawn(|| daemon.samctl(&["reload", "given-up", "Image"]));
        // The save and the command may each begin a build.
        let mut builds = vec![gate.build()];
        while !reload.is_finished() {
            builds.extend(gate.0.accept().ok().map(|(stream, _)| stream));
            // One that was stopped meanwhile does not hear it.
            builds.iter_mut().for_each(|build| drop(build.write_all(b".")));
            samd_tests::daemon::pause();
        }
        let ran = reload.join().unwrap();
        assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
        assert_eq!(served.get("/image").text(), "two", "when the reload is answered, the image is there");

        project.write("image/app.py", &app("three"));
        let mut build = gate.build();
        assert_eq!(daemon.samctl(&["stop", "given-up"]).code, 0);
        assert_eq!(build.read(&mut [0]).unwrap(), 0, "nobody waits for it any more");
    });
}
