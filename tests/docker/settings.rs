//! The SAM CLI's container options, and how containers reach the daemon.

use samd_tests::daemon::{Daemon, Project, Served, eventually};
use samd_tests::engine::{containers, docker, serve_in};

const HOSTS: &str = "
import json, socket
def handler(event, context):
    return {'statusCode': 200, 'body': json.dumps({'db': socket.gethostbyname('db'), 'here': socket.gethostbyname(socket.gethostname())})}
";

/// A network that goes with the test.
struct Network(String);

impl Network {
    fn create(name: &str) -> Network {
        let name = format!("{name}-{}", std::process::id());
        assert!(!docker(&["network", "create", "--subnet", "10.213.77.0/24", &name]).is_empty());
        Network(name)
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        // Containers of a daemon that was killed by the test's end go first.
        eventually("the network's end", || {
            let inside = ["network", "inspect", "--format", "{{range $id, $_ := .Containers}}{{$id}} {{end}}", &self.0];
            for id in docker(&inside).split_whitespace() {
                drop(std::process::Command::new("docker").args(["rm", "--force", id]).output());
            }
            let gone = std::process::Command::new("docker").args(["network", "rm", &self.0]).output();
            gone.is_ok_and(|ran| ran.status.success()).then_some(())
        });
    }
}

#[test]
fn containers_are_put_into_the_network_that_was_named_and_know_the_names_that_were_added() {
    let network = Network::create("samd-tests-settings");
    let daemon = Daemon::start();
    let project = Project::python(HOSTS);
    let served = serve_in(&daemon, "docker", &project, "hosts");
    let set = ["set", "hosts", "--docker-network", &network.0, "--add-host", "db:10.0.0.7"];
    let ran = daemon.samctl(&set);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    let reply = served.get("/x");
    assert_eq!(reply.status, 200, "{}\n{}", reply.text(), daemon.logs("hosts"));
    assert_eq!(reply.json()["db"], "10.0.0.7");
    assert!(reply.json()["here"].as_str().unwrap().starts_with("10.213.77."), "{}", reply.text());
    let settings = daemon.status("hosts")["settings"]["containers"].clone();
    assert_eq!(settings["docker_network"], network.0.as_str());
    assert_eq!(settings["add_hosts"][0], "db:10.0.0.7");
    assert_eq!(daemon.samctl(&["set", "hosts", "--docker-network", "no-such-network"]).code, 0);
    assert!(daemon.status_text("hosts").contains("network no-such-network cannot be used"));
    assert_eq!(daemon.samctl(&["stop", "hosts"]).code, 0);
    eventually("the end of all containers", || containers(&daemon).is_empty().then_some(()));
}

fn driver(served: &Served) -> String {
    served.get("/x").text()
}

#[test]
fn another_sandbox_replaces_what_runs() {
    let daemon = Daemon::start();
    let project = Project::python(
        "import os\ndef handler(event, context):\n    return {'statusCode': 200, 'body': os.environ['LAMBDA_TASK_ROOT']}\n",
    );
    let served = serve_in(&daemon, "process", &project, "moving");
    assert_ne!(driver(&served), "/var/task");
    assert_eq!(daemon.samctl(&["set", "moving", "--sandbox", "docker"]).code, 0);
    assert_eq!(driver(&served), "/var/task");
    assert_eq!(daemon.samctl(&["set", "moving", "--sandbox", "process"]).code, 0);
    assert_ne!(driver(&served), "/var/task");
    eventually("the end of all containers", || containers(&daemon).is_empty().then_some(()));
}

#[test]
fn functions_in_containers_reach_the_lambda_endpoint_and_others_do_not() {
    let daemon = Daemon::start();
    let project = Project::python(
        "import json, os, urllib.request\ndef handler(event, context):\n    if 'path' not in event: return 'inner'\n    url = os.environ['AWS_ENDPOINT_URL_LAMBDA']\n    request = urllib.request.Request(url + '/2015-03-31/functions/Fn/invocations', data=b'{}', method='POST')\n    return {'statusCode': 200, 'body': url + ' ' + urllib.request.urlopen(request).read().decode()}\n",
    );
    let served = serve_in(&daemon, "docker", &project, "calls");
    let reply = served.get("/x");
    assert_eq!(reply.status, 200, "{}\n{}\n{}", reply.text(), daemon.logs("calls"), daemon.log());
    let text = reply.text();
    let (url, inner) = text.split_once(' ').unwrap();
    assert_eq!(inner, "\"inner\"");
    let address = url.strip_prefix("http://").unwrap().split('/').next().unwrap();
    assert!(!address.starts_with("127."), "{address}");
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    let mut answer = Vec::new();
    // The daemon may have closed it before this is written.
    drop(std::io::Write::write_all(
        &mut stream,
        format!("GET /2015-03-31/functions HTTP/1.1\r\nHost: {address}\r\n\r\n").as_bytes(),
    ));
    drop(std::io::Read::read_to_end(&mut stream, &mut answer));
    assert!(answer.is_empty(), "{}", String::from_utf8_lossy(&answer));
}
