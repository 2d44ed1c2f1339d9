//! Images from a registry: pulled once, with progress that everyone can see, while nothing else waits.

use std::path::Path;
use std::thread;

use samd_tests::daemon::{Daemon, Project, eventually};
use samd_tests::engine::docker;
use samd_tests::registry::Registry;

/// The static program that is an image of its own.
fn own() -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/test-tools/own")).unwrap()
}

/// Bytes that no other image has.
fn ballast() -> Vec<u8> {
    let mut seed = std::process::id();
    let mut next = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 24) as u8
    };
    (0..4_000_000).map(|_| next()).collect()
}

fn project(functions: &[(&str, &str)]) -> Project {
    let one = |(id, image): &(&str, &str)| {
        format!(
            "  {id}:\n    Type: AWS::Serverless::Function\n    Properties:\n      PackageType: Image\n      ImageUri: {image}\n      MemorySize: 128\n      Events:\n        Any: {{Type: Api, Properties: {{Path: /{id}, Method: get}}}}\n"
        )
    };
    let all: String = functions.iter().map(one).collect();
    Project::of(&[("template.yaml", &format!("Transform: AWS::Serverless-2016-10-31\nResources:\n{all}"))])
}

#[test]
fn an_image_is_pulled_once_for_several_functions_and_nobody_waits_for_it_who_only_asks() {
    let (daemon, registry) = (Daemon::start(), Registry::with(&own(), &ballast()));
    let image = registry.image();
    let project = project(&[("One", &image), ("Two", &image)]);
    let path = project.path().to_str().unwrap();
    let mut events = daemon.follow_events();
    thread::scope(|scope| {
        let start = scope.spawn(|| daemon.samctl(&["start", path, "--name", "pulled", "--sandbox", "docker"]));
        let status = eventually("a status while it is pulled", || {
            let listed = daemon.samctl(&["list", "--output", "json"]);
            assert_eq!(listed.code, 0, "{}", listed.err);
            Some(daemon.samctl(&["status", "pulled"]))
                .filter(|ran| format!("{}{}", ran.out, ran.err).contains("is being pulled"))
        });
        assert!(!start.is_finished(), "{}{}", status.out, status.err);
        registry.release();
        let started = start.join().unwrap();
        assert_eq!(started.code, 0, "{}{}", started.out, started.err);
        assert!(started.err.contains(&format!("pulling {image}: ")), "{}", started.err);
        assert!(started.err.contains(" of 2 layers, "), "{}", started.err);
    });
    let served = daemon.address("pulled");
    assert_eq!(served.get("/One").text(), "/own pulled in / as AWS_Lambda_Image");
    assert_eq!(served.get("/Two").status, 200);
    assert!(registry.fetched().iter().all(|times| *times == 1), "{:?}", registry.fetched());
    let line =
        eventually("an event of the pull", || Some(events.next_line()).filter(|line| line.contains("\"pulling\"")));
    assert!(line.contains("\"bytes\""), "{line}");
    assert_eq!(daemon.samctl(&["stop", "pulled"]).code, 0);
    eventually("the image to be free", || {
        let gone = std::process::Command::new("docker").args(["image", "rm", &image]).output().unwrap();
        gone.status.success().then_some(())
    });
}

#[test]
fn an_image_that_a_registry_does_not_have_is_named_with_its_answer() {
    let (daemon, registry) = (Daemon::start(), Registry::with(b"", b""));
    let image = registry.image().replace(":1", ":2");
    let project = project(&[("Lost", &image)]);
    let path = project.path().to_str().unwrap();
    let ran = daemon.samctl(&["start", path, "--name", "lost", "--sandbox", "docker"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(daemon.address("lost").get("/Lost").status >= 500);
    let status = daemon.status_text("lost");
    assert!(status.contains(&format!("image {image} cannot be pulled")) && status.contains("manifest"), "{status}");
}

#[test]
fn an_image_that_is_not_here_is_not_pulled_when_that_is_asked_for() {
    let (daemon, registry) = (Daemon::start(), Registry::with(b"", b""));
    let image = registry.image();
    let project = project(&[("Fn", &image)]);
    let path = project.path().to_str().unwrap();
    let ran = daemon.samctl(&["start", path, "--name", "here", "--sandbox", "docker", "--skip-pull-image"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(daemon.status_text("here").contains(&format!("image {image} is not here")));
    assert!(registry.fetched().is_empty());
    let ran = daemon.samctl(&["set", "here", "--invoke-image", "Fn=samd-tests/own:1"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(daemon.address("here").get("/Fn").status, 200);
    assert!(!docker(&["images", "--quiet", "samd-tests/own:1"]).is_empty());
}
