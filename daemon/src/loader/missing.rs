//! Whether what the model names is on the disk (effects): code, handlers, layers.

use std::fs;
use std::path::PathBuf;

use crate::project::build;
use crate::project::function::{Code, Package, Runtime};
use crate::project::layer::LayerContent;
use crate::project::settings::Settings;
use crate::project::{Function, Layer, Project};
use crate::template::Diagnostic;

/// Code that is not there: the function answers with the reason, and everything else is served. Where something was
/// missed becomes a source, so that it is noticed when it appears.
pub(super) fn missing_files(project: &mut Project, settings: &Settings) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    for function in project.functions.values_mut() {
        let id = &function.id.0;
        let base = format!("Resources.{}.Properties", id.rsplit('/').next().unwrap_or_default());
        let location = project.locations.get(id).cloned();
        let is_built = settings.build && matches!(build::step(function, settings), Some(Ok(_)));
        for Missing { property, path, problem } in missing(function, is_built) {
            let diagnostic = Diagnostic::error(problem).path(format!("{base}.{property}"));
            diagnostics.push(Diagnostic { location: location.clone(), ..diagnostic });
            project.sources.push(path);
        }
    }
    diagnostics
}

/// Something of a function that is not there.
struct Missing {
    property: &'static str,
    path: PathBuf,
    problem: String,
}

/// What of a function is not there. Missing code makes the function unavailable.
/// Where it is built, the handler's file comes from the build.
fn missing(function: &mut Function, is_built: bool) -> Vec<Missing> {
    let Package::Zip { code, runtime, handler, layers } = &mut function.package else { return Vec::new() };
    let mut all: Vec<Missing> = layers.iter().filter_map(missing_layer).collect();
    if let Some(missing) = missing_code(code) {
        *code = Code::Unavailable(format!("{}.", missing.problem));
        all.push(missing);
    } else if !is_built {
        all.extend(missing_handler(code, runtime, handler));
    }
    all
}

fn missing_layer(layer: &Layer) -> Option<Missing> {
    let path = match &layer.content {
        LayerContent::Folder(path) | LayerContent::Archive(path) => path,
        LayerContent::Remote { .. } => return None,
    };
    let error = fs::metadata(path).err()?;
    let problem = format!("the layer {} at {} cannot be read: {error}", layer.id, path.display());
    Some(Missing { property: "Layers", path: path.clone(), problem })
}

fn missing_code(code: &Code) -> Option<Missing> {
    let (path, what, error) = match code {
        Code::Folder(path) => (path, "folder", fs::read_dir(path).err()?),
        Code::Archive(path) => (path, "archive", fs::File::open(path).err()?),
        Code::Inline(_) | Code::Unavailable(_) => return None,
    };
    let problem = format!("the code {what} {} cannot be read: {error}", path.display());
    Some(Missing { property: "CodeUri", path: path.clone(), problem })
}

/// The handler's file, where the runtime tells which one that is.
fn missing_handler(code: &Code, runtime: &Runtime, handler: &str) -> Option<Missing> {
    let Code::Folder(folder) = code else { return None };
    let candidates = handler_files(runtime, handler);
    let file = candidates.first().filter(|_| !handler.starts_with('/'))?;
    if candidates.iter().any(|candidate| folder.join(candidate).is_file()) {
        return None;
    }
    let problem = format!("the handler {handler} is in {file}, and {} has no such file", folder.display());
    Some(Missing { property: "Handler", path: folder.join(file), problem })
}

/// The files that may have a handler, the usual one first; none where only the runtime knows.
fn handler_files(runtime: &Runtime, handler: &str) -> Vec<String> {
    let module = handler.rsplit_once('.').map(|(module, _)| module);
    let named = |module: &str, endings: &[&str]| endings.iter().map(|ending| format!("{module}{ending}")).collect();
    match (runtime, module) {
        (Runtime::Python { .. }, Some(module)) => named(&module.replace('.', "/"), &[".py", "/__init__.py", ".so"]),
        (Runtime::Node { .. }, Some(module)) => named(module, &[".js", ".mjs", ".cjs", ""]),
        (Runtime::Provided(_), _) => vec!["bootstrap".to_owned()],
        (Runtime::Python { .. } | Runtime::Node { .. } | Runtime::Container(_) | Runtime::Unknown(_), _) => Vec::new(),
    }
}
