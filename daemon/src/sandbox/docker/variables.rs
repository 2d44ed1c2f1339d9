//! A container's variables: AWS's (F6) at AWS's own places, less those that the image gives itself.

use std::collections::BTreeMap;

use crate::lambda::environment::{self, Places, SandboxIdentity};
use crate::project::function::{Function, Package};

use super::gate::Where;

/// Given by the image's bootstrap, which does not add the layers to the search path when it finds it set.
const BY_THE_BOOTSTRAP: [&str; 1] = ["PYTHONPATH"];
/// Given by an image function's own image (F6.6).
const BY_THE_IMAGE: [&str; 4] = ["PATH", "LD_LIBRARY_PATH", "LANG", "TZ"];

/// Where the debugger's folder is in a container.
pub(super) const DEBUGGER: &str = "/run/samd-debugger";

/// All variables of a container.
#[must_use]
pub(super) fn of(
    function: &Function,
    account: &BTreeMap<String, String>,
    identity: &SandboxIdentity,
) -> BTreeMap<String, String> {
    let mut all = environment::variables(function, &places(), account, identity);
    let is_image = matches!(function.package, Package::Image { .. });
    let left: &[&str] = if is_image { &BY_THE_IMAGE } else { &BY_THE_BOOTSTRAP };
    let debug = function.serving.debug.as_ref();
    let is_set = |name: &str| {
        function.environment.0.contains_key(name) || debug.is_some_and(|debug| debug.variables.0.contains_key(name))
    };
    for name in left.iter().filter(|name| !is_set(name)) {
        all.remove(*name);
    }
    if is_image {
        all.insert("AWS_EXECUTION_ENV".into(), "AWS_Lambda_Image".into());
    }
    if debug.is_some_and(|debug| debug.debugger_path.is_some()) {
        // Beside what the bootstrap would have set, since it leaves alone what it finds.
        let path = environment::variables(function, &places(), account, identity).remove("PYTHONPATH");
        all.extend(path.map(|path| ("PYTHONPATH".to_owned(), format!("{path}:{DEBUGGER}"))));
    }
    all
}

/// Lets an interpreter find the gate, before what the user set of the same variable; it puts that back itself.
pub(super) fn lead_to_gate(all: &mut BTreeMap<String, String>, place: Where) {
    let Some((name, value, between)) = place.variable() else { return };
    let set = match all.get(name).filter(|theirs| !theirs.is_empty()) {
        Some(theirs) => format!("{value}{between}{theirs}"),
        None => value.to_owned(),
    };
    all.insert(name.to_owned(), set);
}

fn places() -> Places {
    Places {
        task_root: "/var/task".into(),
        layers: vec!["/opt".into()],
        runtime_dir: "/var/runtime".into(),
        interpreter_path: vec!["/var/lang/bin".into()],
        interpreter_libraries: vec!["/var/lang/lib".into()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::testing;

    fn of_function(function: &Function) -> BTreeMap<String, String> {
        let identity = SandboxIdentity { runtime_api: "172.17.0.1:1".into(), log_stream: "s".into(), generation: 1 };
        of(function, &BTreeMap::new(), &identity)
    }

    #[test]
    fn paths_are_as_recorded_on_aws() {
        let all = of_function(&testing::function());
        assert_eq!(all["PATH"], "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin");
        assert_eq!(
            all["LD_LIBRARY_PATH"],
            "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib"
        );
        assert_eq!(
            (all["LAMBDA_TASK_ROOT"].as_str(), all["LAMBDA_RUNTIME_DIR"].as_str()),
            ("/var/task", "/var/runtime")
        );
        assert!(!all.contains_key("PYTHONPATH"), "the image's bootstrap sets it");
    }

    #[test]
    fn what_the_customer_sets_is_kept() {
        let mut function = testing::function();
        function.environment.0.insert("PYTHONPATH".into(), "/var/task/vendor".into());
        assert_eq!(of_function(&function)["PYTHONPATH"], "/var/task/vendor");
    }

    #[test]
    fn an_image_function_has_its_images_own_paths() {
        let mut function = testing::function();
        function.package =
            Package::Image { uri: None, command: None, entry_point: None, working_directory: None, build: None };
        let all = of_function(&function);
        for name in ["PATH", "LD_LIBRARY_PATH", "LANG", "TZ", "_HANDLER"] {
            assert!(!all.contains_key(name), "{name}");
        }
        assert_eq!(all["AWS_EXECUTION_ENV"], "AWS_Lambda_Image");
    }
}
