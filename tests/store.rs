//! The store keeps what it acknowledged: across restarts, torn files, full disks and versions.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use samd::lambda::Invocation;
use samd::project::FunctionId;
use samd::project::containers::ContainerSettings;
use samd::project::issuers::Pin;
use samd::project::settings::{DebugSettings, ProjectName, SandboxChoice, Settings, Warm};
use samd::store::{
    Change, Identity, Opened, Recovery, SandboxId, Saved, SavedInvocation, SavedProject, SavedSandbox, Store,
    StoreError, Wanted,
};
use samd_tests::golden_file;
use samd_tests::namespace;

/// When the tests take place; names the copies that are set aside.
fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000)
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

fn open(folder: &Path) -> Opened {
    Store::open(folder, now()).unwrap()
}

fn save(store: &Store, changes: Vec<Change>) {
    run(store.commit(changes)).unwrap();
}

fn project(name: &str) -> SavedProject {
    let settings = Settings {
        template: Some("/home/me/shop/api.yaml".into()),
        host: "0.0.0.0".parse().unwrap(),
        port: Some(3000),
        env_vars: Some("/home/me/shop/env.json".into()),
        parameter_overrides: vec![("Stage".into(), "dev".into()), ("Key".into(), "ä \"quoted\" value".into())],
        sandbox: SandboxChoice::Process,
        warm: Warm::Eager,
        region: Some("eu-central-1".into()),
        profile: Some("work".into()),
        max_concurrency: 3,
        idle_expiry: Duration::from_secs(90),
        containers: ContainerSettings {
            network: Some("shop".into()),
            add_hosts: vec!["db:10.0.0.7".into()],
            dns: vec![[10, 0, 0, 53].into()],
            image: Some("all:1".into()),
            images: [("Ratings".into(), "own:2".into())].into(),
            host: Some("host.docker.internal".into()),
            host_interface: "0.0.0.0".parse().ok(),
            skip_pull: true,
            force_build: true,
            layer_cache: Some("/layers".into()),
            volume_base: Some("/seen".into()),
            layers: [("arn:aws:lambda:x:1:layer:y:1".into(), "/y".into())].into(),
        },
        debug: DebugSettings {
            port: Some(5678),
            function: Some("Ratings".into()),
            args: Some("--wait-for-client".into()),
            debugger_path: Some("/home/me/debugpy".into()),
            env_vars: Some("/home/me/shop/debug.json".into()),
        },
        memory_limit: false,
        freeze: true,
        tell_generation: true,
        build: true,
        build_commands: [("Orders".into(), "make orders".into())].into(),
        ..Settings::new(ProjectName(name.into()), "/home/me/shop".into())
    };
    SavedProject { settings, wanted: Wanted::Running, generation: 7, port: Some(3000) }
}

fn process() -> SavedSandbox {
    SavedSandbox {
        id: SandboxId("shop-Ratings-1".into()),
        project: ProjectName("shop".into()),
        function: FunctionId("Stack/Ratings".into()),
        identity: Identity::Process {
            pid: 4242,
            start_time: 987_654_321,
            boot_id: "8a4c1a3e-5a9a-4a5e-9f43-0d9e4a7c9f10".into(),
        },
    }
}

fn container() -> SavedSandbox {
    SavedSandbox {
        id: SandboxId("shop-Ratings-2".into()),
        identity: Identity::Container { id: "f00d".repeat(16) },
        ..process()
    }
}

fn invocation(id: &str) -> SavedInvocation {
    SavedInvocation {
        invocation: Invocation {
            request_id: id.into(),
            event: (&b"{ \"big\": 12345678901234567890.10, \"text\": \"\\u00e9\" }"[..]).into(),
            invoked_arn: Arc::from("arn:aws:lambda:eu-central-1:123456789012:function:Ratings"),
            trace_id: "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0".into(),
            client_context: Some("{\"custom\":{}}".into()),
            cognito_identity: None,
            tenant_id: Some("blue".into()),
        },
        project: ProjectName("shop".into()),
        function: FunctionId("Ratings".into()),
        accepted: now(),
        attempts: 1,
        due: now() + Duration::from_secs(60),
    }
}

/// A project whose issuer is pinned to a file.
fn pinned() -> SavedProject {
    let mut pinned = project("pinned");
    pinned.settings.jwks = vec![Pin { subject: "Users".into(), file: "/home/me/shop/keys.json".into() }];
    pinned
}

const ID: &str = "f6a1d0c2-3c1b-4a51-8e0d-1b2c3d4e5f60";

/// One of everything.
fn everything() -> Vec<Change> {
    vec![
        Change::PutProject(project("shop")),
        Change::PutProject(SavedProject {
            settings: Settings::new(ProjectName("plain".into()), "/srv/plain".into()),
            wanted: Wanted::Stopped,
            generation: 0,
            port: None,
        }),
        Change::PutProject(pinned()),
        Change::PutSandbox(process()),
        Change::PutSandbox(container()),
        Change::PutInvocation(invocation(ID)),
    ]
}

fn names(saved: &Saved) -> Vec<&str> {
    saved.projects.keys().map(|name| name.0.as_str()).collect()
}

/// A folder with two projects and one invocation in it, saved by two commits and closed.
fn written() -> tempfile::TempDir {
    let folder = folder();
    let opened = open(folder.path());
    save(&opened.store, vec![Change::PutProject(project("first"))]);
    save(&opened.store, vec![Change::PutProject(project("second")), Change::PutInvocation(invocation(ID))]);
    run(opened.store.close());
    folder
}

/// The names of the folder's entries that are copies set aside.
fn set_aside(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut bad: Vec<String> = names.filter(|name| name.contains(".bad-")).collect();
    bad.sort();
    bad
}

fn database(folder: &Path) -> PathBuf {
    folder.join("store/db")
}

#[test]
fn what_was_saved_is_there_after_a_restart_field_by_field() {
    let folder = folder();
    let opened = open(folder.path());
    save(&opened.store, everything());
    run(opened.store.close());
    let again = open(folder.path());
    assert_eq!(again.recoveries, []);
    assert_eq!(again.saved.projects[&ProjectName("shop".into())], project("shop"));
    assert_eq!(again.saved.projects[&ProjectName("plain".into())].wanted, Wanted::Stopped);
    assert_eq!(again.saved.sandboxes, [process(), container()]);
    let saved = &again.saved.invocations[0];
    assert_eq!(saved.invocation.event, invocation(ID).invocation.event, "an event is kept byte for byte");
    assert_eq!(format!("{saved:?}"), format!("{:?}", invocation(ID)));
}

#[test]
fn what_was_removed_stays_removed() {
    let folder = written();
    let opened = open(folder.path());
    save(&opened.store, vec![Change::RemoveProject(ProjectName("first".into())), Change::RemoveInvocation(ID.into())]);
    run(opened.store.close());
    let again = open(folder.path());
    assert_eq!(names(&again.saved), ["second"]);
    assert!(again.saved.invocations.is_empty());
}

#[test]
fn an_acknowledged_commit_needs_no_close() {
    let folder = folder();
    let copy = tempfile::tempdir().unwrap();
    let opened = open(folder.path());
    save(&opened.store, everything());
    // What a daemon killed at this moment leaves is what stands in the files now.
    copy_tree(folder.path(), copy.path());
    let again = open(copy.path());
    assert_eq!(names(&again.saved), ["pinned", "plain", "shop"]);
    assert_eq!(again.saved.projects[&ProjectName("pinned".into())], pinned());
    assert_eq!((again.saved.sandboxes.len(), again.saved.invocations.len()), (2, 1));
    assert_eq!(again.recoveries, []);
}

#[test]
fn commits_that_wait_together_are_all_saved() {
    let folder = folder();
    let opened = open(folder.path());
    run(async {
        let mut commits = tokio::task::JoinSet::new();
        for number in 0..500 {
            let store = opened.store.clone();
            commits.spawn(async move { store.commit(vec![Change::PutProject(project(&format!("p{number}")))]).await });
        }
        assert!(commits.join_all().await.into_iter().all(|result| result.is_ok()));
        opened.store.close().await;
    });
    assert_eq!(open(folder.path()).saved.projects.len(), 500);
}

#[test]
fn a_store_that_was_closed_a_moment_ago_is_waited_for() {
    let folder = folder();
    run(open(folder.path()).store.close());
    // sled's own threads hold the lock of a closed database for a moment; this one stands for them.
    let held = fs::File::open(database(folder.path())).unwrap();
    held.lock().unwrap();
    let path = folder.path().to_owned();
    let opening = std::thread::spawn(move || Store::open(&path, now()).map(|opened| opened.recoveries));
    drop(held);
    assert_eq!(opening.join().unwrap().unwrap(), []);
}

#[test]
fn a_closed_store_refuses() {
    let folder = folder();
    let store = open(folder.path()).store;
    run(store.close());
    assert_eq!(run(store.commit(everything())), Err(StoreError::Closed));
}

#[test]
fn a_truncated_database_is_never_a_silent_loss() {
    let length = fs::metadata(database(written().path())).unwrap().len();
    let mut restored = 0;
    for keep in (0..=16).map(|sixteenth| length * sixteenth / 16) {
        let folder = written();
        truncate(&database(folder.path()), keep);
        let opened = open(folder.path());
        assert_eq!(names(&opened.saved), ["first", "second"], "cut to {keep} of {length}");
        assert_eq!(opened.saved.invocations.len(), 1, "cut to {keep} of {length}");
        restored += usize::from(!opened.recoveries.is_empty());
        run(opened.store.close());
        assert_eq!(open(folder.path()).recoveries, [], "mended for good");
    }
    assert!(restored > 0, "no cut hurt: this test checks nothing");
}

#[test]
fn cutting_off_the_last_commit_alone_is_noticed() {
    let folder = folder();
    let opened = open(folder.path());
    save(&opened.store, vec![Change::PutProject(project("first"))]);
    let earlier = tempfile::tempdir().unwrap();
    copy_tree(&folder.path().join("store"), earlier.path());
    save(&opened.store, vec![Change::PutProject(project("second"))]);
    run(opened.store.close());
    // A disk that took the second commit back: a database that is in order, and one commit short.
    fs::remove_dir_all(folder.path().join("store")).unwrap();
    copy_tree(earlier.path(), &folder.path().join("store"));
    let again = open(folder.path());
    assert_eq!(names(&again.saved), ["first", "second"]);
    assert!(matches!(again.recoveries[..], [Recovery::FromSnapshot { .. }]), "{:?}", again.recoveries);
    assert_eq!(set_aside(folder.path()), ["store.bad-1700000000"]);
}

#[test]
fn garbage_in_the_database_is_mended_and_the_bad_copy_kept() {
    for (name, spoil) in [("all of it", 0.0), ("its second half", 0.5), ("its tail", 0.9)] {
        let folder = written();
        let path = database(folder.path());
        let mut bytes = fs::read(&path).unwrap();
        let from = (bytes.len() as f64 * spoil) as usize;
        bytes[from..].iter_mut().enumerate().for_each(|(at, byte)| *byte = (at.wrapping_mul(131) >> 3) as u8);
        fs::write(&path, &bytes).unwrap();
        let opened = open(folder.path());
        assert_eq!(names(&opened.saved), ["first", "second"], "{name}");
        assert_eq!(opened.saved.invocations.len(), 1, "{name}");
        for recovery in &opened.recoveries {
            let Recovery::FromSnapshot { kept: Some(kept), .. } = recovery else { panic!("{name}: {recovery}") };
            assert_eq!(fs::read(kept.join("db")).unwrap().len(), bytes.len(), "{name}: the bad copy is whole");
        }
        assert!(spoil > 0.0 || !opened.recoveries.is_empty(), "{name}: garbage was taken for a database");
    }
}

#[test]
fn garbage_after_the_database_does_no_harm() {
    let folder = written();
    let path = database(folder.path());
    let mut bytes = fs::read(&path).unwrap();
    bytes.extend_from_slice(&[0xa5; 4097]);
    fs::write(&path, bytes).unwrap();
    assert_eq!(names(&open(folder.path()).saved), ["first", "second"]);
}

#[test]
fn a_database_that_is_gone_is_made_again() {
    let folder = written();
    fs::remove_dir_all(folder.path().join("store")).unwrap();
    let opened = open(folder.path());
    assert_eq!(names(&opened.saved), ["first", "second"]);
    assert_eq!(opened.saved.invocations.len(), 1);
    assert!(opened.recoveries[0].to_string().contains("restored from the last good snapshot"));
}

/// What happens to a snapshot's text.
type Spoil = fn(String) -> String;

#[test]
fn a_damaged_snapshot_is_made_again_and_the_bad_copy_kept() {
    let snapshot = |folder: &Path| folder.join("store.json");
    let spoils: [(&str, Spoil); 4] = [
        ("empty", |_| String::new()),
        ("cut", |text| text[..text.len() / 2].to_owned()),
        ("garbage", |_| "\u{0}\u{1}garbage".to_owned()),
        ("altered", |text| text.replace("eu-central-1", "eu-central-2")),
    ];
    for (name, spoil) in spoils {
        let folder = written();
        let text = fs::read_to_string(snapshot(folder.path())).unwrap();
        fs::write(snapshot(folder.path()), spoil(text)).unwrap();
        let opened = open(folder.path());
        assert_eq!(names(&opened.saved), ["first", "second"], "{name}");
        assert!(matches!(opened.recoveries[..], [Recovery::SnapshotRenewed { .. }]), "{name}: {:?}", opened.recoveries);
        assert_eq!(set_aside(folder.path()), ["store.json.bad-1700000000"], "{name}");
        run(opened.store.close());
        assert_eq!(open(folder.path()).recoveries, [], "{name}: mended for good");
    }
}

#[test]
fn a_damaged_invocation_is_read_from_the_database() {
    let folder = written();
    let file = folder.path().join("invocations").join(format!("{ID}.json"));
    fs::write(&file, "{\"version\":1,").unwrap();
    let opened = open(folder.path());
    assert_eq!(opened.saved.invocations.len(), 1);
    assert!(matches!(opened.recoveries[..], [Recovery::Invocation { lost: false, .. }]), "{:?}", opened.recoveries);
}

#[test]
fn nothing_is_made_up_when_both_copies_are_damaged() {
    let folder = written();
    fs::write(database(folder.path()), [0x5a; 70_000]).unwrap();
    fs::write(folder.path().join("store.json"), "{").unwrap();
    let error = Store::open(folder.path(), now()).unwrap_err();
    assert!(matches!(error, StoreError::Unrecoverable { .. }), "{error}");
    assert!(error.to_string().contains("move `store` and `store.json` away"), "{error}");
    assert_eq!(set_aside(folder.path()), Vec::<String>::new(), "nothing was touched");
}

#[test]
fn two_recoveries_in_one_second_keep_both_bad_copies() {
    let folder = written();
    for _ in 0..2 {
        fs::write(database(folder.path()), [0x5a; 70_000]).unwrap();
        run(open(folder.path()).store.close());
    }
    assert_eq!(set_aside(folder.path()), ["store.bad-1700000000", "store.bad-1700000000-2"]);
}

#[test]
fn a_store_of_a_later_version_is_refused_and_left_alone() {
    let folder = written();
    let snapshot = folder.path().join("store.json");
    let later = fs::read_to_string(&snapshot).unwrap().replacen("\"version\": 1", "\"version\": 2", 1);
    fs::write(&snapshot, &later).unwrap();
    let before = fs::read(database(folder.path())).unwrap();
    let error = Store::open(folder.path(), now()).unwrap_err();
    assert!(matches!(error, StoreError::Newer { version: 2, known: 1, .. }), "{error}");
    assert_eq!(fs::read_to_string(&snapshot).unwrap(), later);
    assert_eq!(fs::read(database(folder.path())).unwrap(), before);
    assert_eq!(set_aside(folder.path()), Vec::<String>::new());
}

#[test]
fn a_path_that_is_not_utf8_is_refused_by_name_and_spoils_nobody_elses_commit() {
    use std::os::unix::ffi::OsStringExt;
    let folder = folder();
    let opened = open(folder.path());
    let mut odd = project("odd");
    odd.settings.path = std::ffi::OsString::from_vec(b"/home/\xff".to_vec()).into();
    let error = run(opened.store.commit(vec![Change::PutProject(odd)])).unwrap_err();
    assert!(error.to_string().starts_with("project/odd cannot be saved"), "{error}");
    save(&opened.store, vec![Change::PutProject(project("shop"))]);
}

#[test]
fn an_id_that_would_leave_the_folder_is_refused() {
    let folder = folder();
    let opened = open(folder.path());
    let error = run(opened.store.commit(vec![Change::PutInvocation(invocation("../token"))])).unwrap_err();
    assert!(matches!(error, StoreError::Encode { .. }), "{error}");
}

#[test]
fn records_on_disk_look_as_their_golden_files() {
    let folder = folder();
    let opened = open(folder.path());
    save(&opened.store, everything());
    run(opened.store.close());
    golden_file::check("store/records/store.json", &fs::read_to_string(folder.path().join("store.json")).unwrap());
    let spooled = fs::read_to_string(folder.path().join("invocations").join(format!("{ID}.json"))).unwrap();
    golden_file::check("store/records/invocation.json", &format!("{spooled}\n"));
    // A datum, once made, is never made again: it stands for what is on people's disks.
    let datum = golden_file::path("store/v1");
    if std::env::var_os("BLESS").is_some() && !datum.exists() {
        copy_tree(folder.path(), &datum);
    }
}

/// The datum was written by the first version that kept a store; it must open for ever.
#[test]
fn a_store_of_the_first_version_opens() {
    let folder = folder();
    copy_tree(&golden_file::path("store/v1"), folder.path());
    let opened = open(folder.path());
    assert_eq!(opened.recoveries, []);
    // It had none of the settings that came later.
    let mut shop = project("shop");
    shop.settings.containers = ContainerSettings::default();
    (shop.settings.debug, shop.settings.freeze) = (DebugSettings::default(), false);
    shop.settings = Settings {
        memory_limit: true,
        tell_generation: false,
        build: false,
        build_commands: [].into(),
        ..shop.settings
    };
    assert_eq!(opened.saved.projects[&ProjectName("shop".into())], shop);
    assert_eq!(names(&opened.saved), ["plain", "shop"]);
    assert_eq!(opened.saved.sandboxes, [process(), container()]);
    assert_eq!(format!("{:?}", opened.saved.invocations), format!("{:?}", [invocation(ID)]));
}

#[test]
fn a_full_disk_is_an_error_and_the_store_works_on_when_there_is_space() {
    namespace::run("store::child_on_a_full_disk", "mount -t tmpfs -o size=6m,mode=0700 none \"$FOLDER\"");
}

/// Runs alone on a file system of 6 MiB; see the test above.
#[test]
#[ignore = "run by the test above, on a small file system of its own"]
fn child_on_a_full_disk() {
    let folder = namespace::folder();
    let opened = open(&folder);
    save(&opened.store, vec![Change::PutProject(project("before"))]);
    fill(&folder.join("ballast"));
    let mut large = project("refused");
    large.settings.parameter_overrides = vec![("Large".into(), "x".repeat(900_000))];
    let error = run(opened.store.commit(vec![Change::PutProject(large)])).unwrap_err();
    assert!(matches!(error, StoreError::Write(_)), "{error}");
    fs::remove_file(folder.join("ballast")).unwrap();
    save(&opened.store, vec![Change::PutProject(project("after"))]);
    run(opened.store.close());
    let again = open(&folder);
    assert_eq!(names(&again.saved), ["after", "before"], "what was refused is not there, all else is");
}

#[test]
fn a_write_that_a_limit_refuses_is_an_error_and_the_store_works_on_when_the_limit_is_gone() {
    let Some(folder) = namespace::run("store::child_with_a_file_size_limit", "true") else { return };
    let again = open(folder.path());
    assert_eq!(names(&again.saved), ["after", "before"], "what was refused is not there, all else is");
    assert!(matches!(again.recoveries[..], [Recovery::FromSnapshot { .. }]), "{:?}", again.recoveries);
}

/// Runs alone with its own limits; see the test above. A limit is what the check for free space cannot foresee.
#[test]
#[ignore = "run by the test above, in a process of its own"]
fn child_with_a_file_size_limit() {
    let folder = namespace::folder();
    let opened = open(&folder);
    save(&opened.store, vec![Change::PutProject(project("before"))]);
    let full = namespace::FileSizeLimit::set(4_096);
    let mut large = project("refused");
    large.settings.parameter_overrides = vec![("Large".into(), "x".repeat(900_000))];
    let error = run(opened.store.commit(vec![Change::PutProject(large)])).unwrap_err();
    assert!(matches!(error, StoreError::Write(_)), "{error}");
    drop(full);
    save(&opened.store, vec![Change::PutProject(project("after"))]);
    run(opened.store.close());
}

#[test]
fn a_full_disk_at_start_is_a_clear_error_that_harms_nothing() {
    namespace::run("store::child_starting_on_a_full_disk", "mount -t tmpfs -o size=6m,mode=0700 none \"$FOLDER\"");
}

/// Runs alone on a file system of 6 MiB; see the test above.
#[test]
#[ignore = "run by the test above, on a small file system of its own"]
fn child_starting_on_a_full_disk() {
    let folder = namespace::folder();
    let opened = open(&folder);
    save(&opened.store, vec![Change::PutProject(project("before"))]);
    run(opened.store.close());
    fill(&folder.join("ballast"));
    let error = Store::open(&folder, now()).unwrap_err();
    assert!(matches!(error, StoreError::Folder { .. }), "{error}");
    fs::remove_file(folder.join("ballast")).unwrap();
    let again = open(&folder);
    assert_eq!((names(&again.saved), again.recoveries), (vec!["before"], vec![]));
}

#[test]
fn a_read_only_folder_is_a_clear_error() {
    namespace::run("store::child_in_a_read_only_folder", "mount -t tmpfs -o ro none \"$FOLDER\"");
}

/// Runs alone on a read-only file system; see the test above.
#[test]
#[ignore = "run by the test above, on a read-only file system of its own"]
fn child_in_a_read_only_folder() {
    let error = Store::open(&namespace::folder(), now()).unwrap_err().to_string();
    assert!(error.contains("cannot be written") && error.contains("Read-only"), "{error}");
}

#[test]
fn a_hundred_projects_are_read() {
    let folder = folder();
    let opened = open(folder.path());
    save(&opened.store, (0..100).map(|number| Change::PutProject(project(&format!("p{number}")))).collect());
    run(opened.store.close());
    let opened = open(folder.path());
    assert_eq!(opened.saved.projects.len(), 100);
    assert_eq!(opened.saved.projects[&ProjectName("p42".into())], project("p42"));
    run(opened.store.close());
}

fn truncate(path: &Path, length: u64) {
    fs::OpenOptions::new().write(true).open(path).unwrap().set_len(length).unwrap();
}

/// Writes until the file system has no byte left.
fn fill(path: &Path) {
    use std::io::Write;
    let mut file = fs::File::create(path).unwrap();
    for block in [65_536, 4_096, 1] {
        while file.write_all(&vec![0x42; block]).is_ok() {}
    }
}

fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_tree(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
