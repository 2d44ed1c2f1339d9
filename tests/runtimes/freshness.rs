//! Old code never runs: the bytecode cache of Python, whose own check does not see a second save within a second.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use samd::project::function::Runtime;
use samd_tests::recording_api::Event;
use samd_tests::runtime_client::{Client, Function, run};

use super::clients::{interpreter, ours};

/// Runs `body` in a Python that has the client's modules, with a clock that the body may set.
fn in_client(client: &Client, folder: &Path, body: &str) -> Value {
    let prelude = "import sys, json, os, time\n\
                   sys.path.insert(0, sys.argv[1]); folder = sys.argv[2]\n\
                   import samd_imports\n\
                   class Clock:\n    now = None\n    @staticmethod\n    def time_ns():\n        return Clock.now\n\
                   samd_imports.time = Clock\n\
                   source, cache = folder + '/code/app.py', folder + '/cache'\n\
                   os.makedirs(folder + '/code', exist_ok=True)\n\
                   def save(text):\n    with open(source, 'w') as file:\n        file.write(text)\n\
                   def changed():\n    return os.stat(source).st_ctime_ns\n\
                   def refused():\n    raise AssertionError('the interpreter would have written beside the source')\n\
                   it = samd_imports.Cache([folder + '/code'], cache, refused)\n\
                   def path():\n    try:\n        return it.path(source)\n    except NotImplementedError:\n        return None\n";
    let output = Command::new(&client.argv[0])
        .arg("-c")
        .arg(format!("{prelude}{body}\nprint(json.dumps(result))"))
        .arg(&client.folder)
        .arg(folder)
        .env_clear()
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn on_each_python(check: impl Fn(&Client)) {
    for minor in 8..=14 {
        let runtime = Runtime::Python { minor };
        match interpreter(&runtime) {
            Some(interpreter) => check(&ours(&runtime, &interpreter)),
            None => eprintln!("SKIPPED: python3.{minor} is not on this machine"),
        }
    }
}

#[test]
fn a_young_source_has_no_bytecode_at_all() {
    on_each_python(|client| {
        let folder = tempfile::tempdir().unwrap();
        let body = "save('a = 1')\nClock.now = changed() + 1_999_999_999\nyoung = path()\n\
                    Clock.now = changed() + 2_000_000_000\nresult = [young, path() is not None]";
        assert_eq!(in_client(client, folder.path(), body), json!([null, true]));
    });
}

#[test]
fn a_source_from_the_future_has_no_bytecode() {
    on_each_python(|client| {
        let folder = tempfile::tempdir().unwrap();
        let body = "save('a = 1')\nClock.now = changed() - 1\nresult = path()";
        assert_eq!(in_client(client, folder.path(), body), Value::Null);
    });
}

#[test]
fn bytecode_is_kept_in_the_cache_folder_alone() {
    on_each_python(|client| {
        let folder = tempfile::tempdir().unwrap();
        let body = "save('a = 1')\nClock.now = changed() + 3_000_000_000\nresult = path().startswith(cache + '/')";
        assert_eq!(in_client(client, folder.path(), body), json!(true));
    });
}

#[test]
fn a_second_save_of_the_same_size_and_time_has_other_bytecode() {
    on_each_python(|client| {
        let folder = tempfile::tempdir().unwrap();
        // The times of the first save are put back, which is more than an unlucky second can do.
        let body = "save('a = 1')\nfirst = os.stat(source)\nClock.now = changed() + 3_000_000_000\nold = path()\n\
                    os.makedirs(os.path.dirname(old))\nopen(old, 'w').close()\n\
                    while changed() == first.st_ctime_ns:\n\
                    \x20   save('a = 2')\n    os.utime(source, ns=(first.st_atime_ns, first.st_mtime_ns))\n\
                    Clock.now = changed() + 3_000_000_000\nnew = path()\n\
                    result = [old != new, os.path.exists(old), os.stat(source).st_mtime_ns == first.st_mtime_ns]";
        assert_eq!(in_client(client, folder.path(), body), json!([true, false, true]));
    });
}

#[test]
fn the_interpreter_reads_and_writes_where_the_cache_says() {
    on_each_python(|client| {
        let folder = tempfile::tempdir().unwrap();
        let body = "save('import sys\\na = 1')\nClock.now = changed() + 3_000_000_000\n\
                    sys.argv[:] = [sys.argv[0]]\n\
                    samd_imports.external.cache_from_source = it.path\nsys.path.insert(0, folder + '/code')\n\
                    import app\nwritten = os.stat(path()).st_mtime_ns\n\
                    del sys.modules['app']\nimport app as again\n\
                    result = [os.listdir(folder + '/code'), os.stat(path()).st_mtime_ns == written, again.a]";
        assert_eq!(in_client(client, folder.path(), body), json!([["app.py"], true, 1]));
    });
}

#[test]
fn of_two_saves_within_a_second_the_second_runs() {
    on_each_python(|client| {
        let folder = tempfile::tempdir().unwrap();
        let function = Function {
            folder: folder.path().canonicalize().unwrap(),
            handler: "app.handler".to_owned(),
            variables: Vec::new(),
            events: vec![Event::new("{}")],
        };
        for word in ["one", "two"] {
            let text = format!("def handler(event, context):\n    return '{word}'\n");
            std::fs::write(folder.path().join("app.py"), text).unwrap();
            let arrived = run(client, &function).unwrap().arrived;
            let response = arrived.iter().find(|request| request.path.ends_with("/response")).unwrap();
            assert_eq!(response.body, format!("\"{word}\"").as_bytes());
        }
    });
}
