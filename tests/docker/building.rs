//! Images that are built from a function's Metadata.

use samd_tests::daemon::{Daemon, Project, eventually};
use samd_tests::engine::{containers, docker, serve_in};

const DOCKERFILE: &str = "FROM public.ecr.aws/lambda/python:3.11-ARCH
ARG WORD=unset
ENV WORD=$WORD
COPY app.py /var/task/
CMD [\"app.handler\"]
";
const APP: &str =
    "import os\ndef handler(event, context): return {'statusCode': 200, 'body': 'one ' + os.environ['WORD']}\n";

fn dockerfile() -> String {
    DOCKERFILE.replace("ARCH", if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" })
}

fn project() -> Project {
    let template = "Transform: AWS::Serverless-2016-10-31\nResources:\n  Fn:\n    Type: AWS::Serverless::Function\n    Metadata: {Dockerfile: Dockerfile, DockerContext: ./image, DockerTag: v1, DockerBuildArgs: {WORD: built}}\n    Properties:\n      PackageType: Image\n      MemorySize: 256\n      Timeout: 10\n      Events: {Any: {Type: Api, Properties: {Path: /x, Method: get}}}\n";
    Project::of(&[
        ("template.yaml", template),
        ("image/Dockerfile", &dockerfile()),
        ("image/.dockerignore", "notes\n"),
        ("image/app.py", APP),
    ])
}

#[test]
fn an_image_is_built_from_metadata_and_again_when_its_files_change() {
    let daemon = Daemon::start();
    let project = project();
    let mut events = daemon.follow_events();
    let served = serve_in(&daemon, "docker", &project, "building");
    assert_eq!(served.get("/x").text(), "one built");
    let line =
        eventually("the build's output", || Some(events.next_line()).filter(|line| line.contains("COPY app.py")));
    assert!(line.contains("\"building\"") && line.contains("samd/building/fn:v1"), "{line}");
    let image = || docker(&["image", "inspect", "--format", "{{.Id}}", "samd/building/fn:v1"]);
    let first = image();

    project.write("image/notes", "left out, so nothing is built");
    project.write("image/app.py", &APP.replace("one ", "two "));
    eventually("the edit", || (served.get("/x").text() == "two built").then_some(()));
    let second = image();
    assert_ne!(first, second);

    let serving = eventually("one that serves and one that waits", || {
        let settled = !daemon.status_text("building").contains("stopping");
        Some(containers(&daemon)).filter(|all| settled && all.len() == 2)
    });
    project.write("image/Dockerfile", &dockerfile().replace("COPY app.py", "COPY nowhere.py"));
    let status = eventually("the failing build", || {
        Some(daemon.status_text("building")).filter(|status| status.contains("cannot be built"))
    });
    assert!(status.contains("the last good image goes on"), "{status}");
    eventually("the event of it", || Some(events.next_line()).filter(|line| line.contains("\"rejected\"")));
    assert_eq!(served.get("/x").text(), "two built");
    assert!(serving.iter().all(|id| containers(&daemon).contains(id)), "nothing was replaced");

    project.write("image/Dockerfile", &dockerfile());
    eventually("the mended build", || (!daemon.status_text("building").contains("cannot be built")).then_some(()));
    assert_eq!(served.get("/x").text(), "two built");
    assert_eq!(daemon.samctl(&["stop", "building"]).code, 0);
    assert_eq!(daemon.samctl(&["start", "building"]).code, 0);
    assert_eq!(image(), second, "what is there is not built again");
}

#[test]
fn an_image_that_never_could_be_built_is_named_with_what_the_build_said() {
    let daemon = Daemon::start();
    let project = project();
    project.write("image/Dockerfile", &dockerfile().replace("COPY app.py", "COPY nowhere.py"));
    let served = serve_in(&daemon, "docker", &project, "unbuilt");
    assert!(served.get("/x").status >= 500);
    let status = daemon.status_text("unbuilt");
    assert!(status.contains("image samd/unbuilt/fn:v1 cannot be built") && status.contains("nowhere.py"), "{status}");
}
