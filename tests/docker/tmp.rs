//! `/tmp` in a container.

use samd_tests::daemon::{Daemon, PYTHON, Project};
use samd_tests::engine::serve_in;

const WRITER: &str = "
import errno, os, resource, subprocess, time
def handler(event, context):
    path = event['path']
    if path == '/fill':
        try:
            with open('/tmp/big', 'wb') as file:
                for _ in range(600): file.write(bytes(1 << 20))
            answer = 'it all went in'
        except OSError as problem:
            answer = errno.errorcode[problem.errno]
        answer += ' ' + str(os.path.getsize('/tmp/big') >> 20)
        os.remove('/tmp/big')
    elif path == '/keep':
        with open('/tmp/kept', 'w') as file: file.write('kept for ' + str(os.getpid()))
        answer = 'written'
    elif path == '/run':
        with open('/tmp/program', 'w') as file: file.write('#!/bin/sh\\necho it runs\\n')
        os.chmod('/tmp/program', 0o755)
        answer = subprocess.check_output(['/tmp/program']).decode().strip()
    elif path == '/memory':
        block = bytearray(300 << 20)
        for place in range(0, len(block), 4096): block[place] = 1
        time.sleep(9)
        answer = 'too much'
    else:
        answer = open('/tmp/kept').read() + ' ' + str(os.getpid())
    return {'statusCode': 200, 'body': answer}
";

#[test]
fn tmp_has_the_size_of_ephemeral_storage_and_lasts_as_long_as_its_sandbox() {
    let daemon = Daemon::start();
    let template = PYTHON.replace("MemorySize: 256", "MemorySize: 128");
    let project = Project::of(&[("template.yaml", &template), ("src/app.py", WRITER)]);
    let served = serve_in(&daemon, "docker", &project, "tmp");
    let filled = served.get("/fill");
    assert_eq!(filled.text(), "ENOSPC 512", "four times the function's memory: {}", daemon.logs("tmp"));
    assert_eq!(served.get("/keep").text(), "written");
    let kept = served.get("/kept").text();
    let (then, now) = kept.trim_start_matches("kept for ").split_once(' ').unwrap();
    assert_eq!(then, now, "{kept}");
    assert_eq!(served.get("/run").text(), "it runs");
    assert_eq!(served.get("/memory").status, 502, "what is not in /tmp is held to MemorySize");
    assert!(daemon.logs("tmp").contains("Runtime.OutOfMemory"), "{}", daemon.logs("tmp"));
}

#[test]
fn a_tmp_that_is_too_large_for_the_machines_memory_is_on_disk_and_says_so() {
    let total = std::fs::read_to_string("/proc/meminfo").unwrap();
    let kilobytes: u64 = total.split_whitespace().nth(1).unwrap().parse().unwrap();
    if kilobytes > 40 << 20 {
        // Lambda has no /tmp that is too large for this machine.
        return;
    }
    let daemon = Daemon::start();
    let template = PYTHON.replace("Timeout: 10", "Timeout: 10\n      EphemeralStorage: {Size: 10240}");
    let code = "
def handler(event, context):
    mounts = [line.split() for line in open('/proc/mounts')]
    return {'statusCode': 200, 'body': [fields[2] for fields in mounts if fields[1] == '/tmp'][0]}
";
    let project = Project::of(&[("template.yaml", &template), ("src/app.py", code)]);
    let served = serve_in(&daemon, "docker", &project, "large");
    assert_ne!(served.get("/x").text(), "tmpfs");
    assert!(daemon.status_text("large").contains("/tmp is on disk"), "{}", daemon.status_text("large"));
}
