//! The daemon is killed at any moment: what it acknowledged is in force when it is back.
//!
//! Rounds and the seed of their moments can be set: `SAMD_CRASH_ROUNDS=200 SAMD_CRASH_SEED=7`.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use samd_tests::command_line::CommandLine;
use samd_tests::daemon::{Daemon, Project, Served, eventually};

const ROUNDS: u64 = 10;
const SEED: u64 = 3;
const NAMES: [&str; 3] = ["one", "two", "three"];
/// A round ends at a moment within this.
const ROUND: Duration = Duration::from_millis(400);

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().map_or(default, |text| text.parse().expect("a number"))
}

/// Numbers that look random and are the same for the same seed (splitmix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % sides
    }
}

/// What is known of a project: `None` where the last call was not answered, so that either may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Known {
    running: Option<bool>,
    concurrency: Option<u64>,
}

/// Makes control calls until the daemon is gone; what was acknowledged is noted.
fn steer(line: &CommandLine, mut dice: Dice, known: &mut BTreeMap<&'static str, Known>, gone: &AtomicBool) {
    while !gone.load(Ordering::SeqCst) {
        let name = NAMES[dice.roll(3) as usize];
        let one = known.get_mut(name).unwrap();
        match dice.roll(3) {
            0 => {
                one.running = None;
                if line.run(&["stop", name]).code == 0 {
                    one.running = Some(false);
                }
            }
            1 => {
                one.running = None;
                if line.run(&["start", name]).code == 0 {
                    one.running = Some(true);
                }
            }
            _ => {
                let concurrency = 1 + dice.roll(50);
                one.concurrency = None;
                if line.run(&["set", name, "--max-concurrency", &concurrency.to_string()]).code == 0 {
                    one.concurrency = Some(concurrency);
                }
            }
        }
    }
}

fn load(served: &[Served], gone: &AtomicBool) {
    use std::io::{Read, Write};
    while !gone.load(Ordering::SeqCst) {
        for served in served {
            if let Ok(mut stream) = TcpStream::connect(served.address) {
                drop(stream.set_read_timeout(Some(Duration::from_secs(5))));
                drop(stream.write_all(b"GET /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
                drop(stream.read_to_end(&mut Vec::new()));
            }
        }
    }
}

fn edit(projects: &[Project], round: u64, gone: &AtomicBool) {
    let mut count = 0;
    while !gone.load(Ordering::SeqCst) {
        count += 1;
        for project in projects {
            project.write("src/app.py", &code(round * 1_000_000 + count));
        }
        thread::yield_now();
    }
}

fn code(version: u64) -> String {
    format!("def handler(event, context):\n    return {{'statusCode': 200, 'body': '{version}'}}\n")
}

/// Processes of functions whose daemon is not this one.
fn orphans(daemon: &Daemon) -> Vec<String> {
    let mark = format!("LAMBDA_RUNTIME_DIR={}/", daemon.state().display());
    let processes = fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
    let ours = processes.filter(|process| {
        fs::read(process.join("environ")).is_ok_and(|all| String::from_utf8_lossy(&all).contains(&mark))
    });
    let parent = |process: &std::path::Path| {
        let status = fs::read_to_string(process.join("status")).unwrap_or_default();
        status.lines().find_map(|line| line.strip_prefix("PPid:")?.trim().parse::<u32>().ok())
    };
    ours.filter(|process| parent(process).is_some_and(|parent| parent != daemon.pid()))
        .map(|process| process.display().to_string())
        .collect()
}

fn check(daemon: &Daemon, served: &[Served], known: &mut BTreeMap<&'static str, Known>, round: u64) {
    for (name, served) in NAMES.iter().zip(served) {
        let one = known.get_mut(name).unwrap();
        let status = daemon.status(name);
        if let Some(concurrency) = one.concurrency {
            let stands = status.to_string().contains(&format!("\"max_concurrency\":{concurrency}"));
            assert!(stands, "round {round}: {name} was set to {concurrency}: {status}\n{}", daemon.log());
        }
        match one.running {
            Some(false) => assert!(TcpStream::connect(served.address).is_err(), "round {round}: {name} was stopped"),
            Some(true) => {
                let answers = || TcpStream::connect(served.address).ok().map(drop);
                eventually(&format!("round {round}: {name} on {}", served.address), answers);
            }
            None => {}
        }
        // What was not answered may be either; from here on it is known.
        assert_eq!(daemon.samctl(&["start", name]).code, 0, "round {round}: {name}: {}", daemon.log());
        assert_eq!(daemon.address(name).address, served.address, "round {round}: {name} kept its port");
        assert_eq!(served.get("/x").status, 200, "round {round}: {name}");
        *one = Known { running: Some(true), concurrency: None };
    }
    eventually("the end of all orphans", || orphans(daemon).is_empty().then_some(()));
}

#[test]
fn a_daemon_that_is_killed_at_any_moment_forgets_nothing_it_acknowledged() {
    let (rounds, seed) = (number("SAMD_CRASH_ROUNDS", ROUNDS), number("SAMD_CRASH_SEED", SEED));
    let mut dice = Dice(seed);
    let projects: Vec<Project> = NAMES.iter().map(|_| Project::python(&code(0))).collect();
    let mut daemon = Daemon::start();
    // Ports of its own: while its daemon is dead, another test's may take the next free one.
    let ports = (0..).map(|number| (20_000 + std::process::id() % 4_000 * 3 + number).to_string());
    let started = NAMES.iter().zip(&projects).zip(ports);
    let served: Vec<Served> =
        started.map(|((name, project), port)| daemon.serve_with(project, name, &["--port", &port])).collect();
    let mut known: BTreeMap<&'static str, Known> =
        NAMES.iter().map(|name| (*name, Known { running: Some(true), concurrency: None })).collect();
    for round in 0..rounds {
        let until = Instant::now() + Duration::from_micros(dice.roll(ROUND.as_micros() as u64));
        let (line, calls, gone) = (CommandLine::new(daemon.state()), Dice(dice.roll(u64::MAX)), AtomicBool::new(false));
        daemon = thread::scope(|scope| {
            scope.spawn(|| steer(&line, calls, &mut known, &gone));
            scope.spawn(|| load(&served, &gone));
            scope.spawn(|| edit(&projects, round, &gone));
            while Instant::now() < until {
                thread::yield_now();
            }
            let killed = daemon.killed();
            gone.store(true, Ordering::SeqCst);
            killed
        })
        .restarted();
        check(&daemon, &served, &mut known, round);
    }
}
