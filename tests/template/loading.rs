//! From a folder to a project: which file is the template, what is missing, what overrides what.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use samd::loader::{Inputs, Loaded, load};
use samd::project::FunctionId;
use samd::project::function::{Code, Package};
use samd::project::settings::{ProjectName, Settings};
use tempfile::TempDir;

const TEMPLATE: &str = "
Resources:
  Hello:
    Type: AWS::Serverless::Function
    Properties:
      Handler: app.handler
      Runtime: python3.12
      CodeUri: src
      Environment: {Variables: {AA: template, BB: template, CC: template}}
";

struct Folder(TempDir);

impl Folder {
    fn with(files: &[(&str, &str)]) -> Folder {
        let folder = Folder(tempfile::tempdir().unwrap());
        files.iter().for_each(|(name, text)| folder.write(name, text));
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let file = self.path(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    fn age(&self, name: &str, seconds: u64) {
        let file = fs::File::options().append(true).open(self.path(name)).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(seconds)).unwrap();
    }

    fn settings(&self) -> Settings {
        Settings::new(ProjectName("test".to_owned()), self.0.path().to_path_buf())
    }

    fn load(&self) -> Loaded {
        self.load_with(&self.settings(), &[])
    }

    fn load_with(&self, settings: &Settings, caller: &[(&str, &str)]) -> Loaded {
        let caller: BTreeMap<String, String> =
            caller.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        load(settings, &Inputs { region: "eu-west-1".to_owned(), caller })
    }
}

fn hello(loaded: &Loaded) -> &samd::project::Function {
    &loaded.project.as_ref().unwrap().functions[&FunctionId("Hello".to_owned())]
}

fn texts(loaded: &Loaded) -> Vec<String> {
    loaded.diagnostics.iter().map(ToString::to_string).collect()
}

#[test]
fn a_folders_template_is_found() {
    for name in ["template.yaml", "template.yml", "template.json"] {
        let text = if name.ends_with("json") { "{\"Resources\": {}}" } else { TEMPLATE };
        let folder = Folder::with(&[(name, text)]);
        let loaded = folder.load();
        assert_eq!(loaded.template, folder.path(name));
        assert!(loaded.project.is_some());
    }
}

#[test]
fn what_sam_build_wrote_counts_only_while_it_is_newer() {
    let folder = Folder::with(&[("template.yaml", TEMPLATE), (".aws-sam/build/template.yaml", TEMPLATE)]);
    folder.age("template.yaml", 60);
    let built = folder.load();
    assert_eq!(built.template, folder.path(".aws-sam/build/template.yaml"));
    assert!(built.why.contains("sam build"));
    folder.age(".aws-sam/build/template.yaml", 120);
    let source = folder.load();
    assert_eq!(source.template, folder.path("template.yaml"));
    assert!(source.why.contains("newer"));
}

#[test]
fn a_cloud_assembly_is_a_start_path() {
    let manifest = r#"{"artifacts": {
        "Tree": {"type": "cdk:tree"},
        "Stack": {"type": "aws:cloudformation:stack", "properties": {"templateFile": "Stack.template.json"}}
    }}"#;
    let files = [("cdk.out/manifest.json", manifest), ("cdk.out/Stack.template.json", "{\"Resources\": {}}")];
    let folder = Folder::with(&files);
    assert_eq!(folder.load().template, folder.path("cdk.out/Stack.template.json"));
    let mut settings = folder.settings();
    settings.path = folder.path("cdk.out");
    assert_eq!(folder.load_with(&settings, &[]).template, folder.path("cdk.out/Stack.template.json"));
}

#[test]
fn a_stage_of_a_cloud_assembly_is_found() {
    let outer = r#"{"artifacts": {"Stage": {"type": "cdk:cloud-assembly", "properties": {"directoryName": "inner"}}}}"#;
    let inner =
        r#"{"artifacts": {"S": {"type": "aws:cloudformation:stack", "properties": {"templateFile": "s.json"}}}}"#;
    let files = [("manifest.json", outer), ("inner/manifest.json", inner), ("inner/s.json", "{\"Resources\": {}}")];
    let folder = Folder::with(&files);
    assert_eq!(folder.load().template, folder.path("inner/s.json"));
}

#[test]
fn a_samconfig_fills_in_what_the_settings_leave_open() {
    let config = "[default.global.parameters]\ntemplate_file = 'sam.yaml'\n\
                  [default.local_start_api.parameters]\nparameter_overrides = 'Stage=config Other=config'\n";
    let template = "Parameters: {Stage: {Type: String}, Other: {Type: String}}\nResources:\n  Hello:\n    \
                    Type: AWS::Serverless::Function\n    Properties:\n      Handler: app.handler\n      \
                    Runtime: python3.12\n      InlineCode: x\n      \
                    Environment: {Variables: {S: !Ref Stage, O: !Ref Other}}\n";
    let folder = Folder::with(&[("sam.yaml", template), ("samconfig.toml", config), ("template.yaml", TEMPLATE)]);
    let mut settings = folder.settings();
    settings.parameter_overrides = vec![("Stage".to_owned(), "own".to_owned())];
    let loaded = folder.load_with(&settings, &[]);
    assert_eq!((loaded.template.clone(), loaded.why.as_str()), (folder.path("sam.yaml"), "samconfig names it"));
    let variables = &hello(&loaded).environment.0;
    assert_eq!((variables["S"].as_str(), variables["O"].as_str()), ("own", "config"));
    assert!(loaded.project.as_ref().unwrap().asks_for_resolve(&[folder.path("samconfig.toml")]));
    settings.template = Some(folder.path("template.yaml"));
    assert_eq!(folder.load_with(&settings, &[]).template, folder.path("template.yaml"));
}

#[test]
fn a_bad_samconfig_is_told_and_the_rest_is_served() {
    let folder = Folder::with(&[("template.yaml", TEMPLATE), ("src/app.py", ""), ("samconfig.toml", "[default\n")]);
    let loaded = folder.load();
    assert!(texts(&loaded)[0].contains("samconfig.toml:1:"), "{:?}", texts(&loaded));
    assert!(loaded.project.is_some());
}

#[test]
fn a_folder_without_a_template_is_told() {
    let loaded = Folder::with(&[]).load();
    assert!(loaded.project.is_none());
    assert!(texts(&loaded)[0].contains("there is no template in"), "{:?}", texts(&loaded));
}

#[test]
fn missing_code_makes_one_function_unavailable_until_it_appears() {
    let folder = Folder::with(&[("template.yaml", TEMPLATE)]);
    let loaded = folder.load();
    let Package::Zip { code: Code::Unavailable(reason), .. } = &hello(&loaded).package else { panic!("it is there") };
    assert!(reason.contains("src cannot be read"), "{reason}");
    assert!(texts(&loaded)[0].contains("template.yaml:3:3: error: Resources.Hello.Properties.CodeUri:"));
    let appeared = [folder.path("src/app.py")];
    assert!(loaded.project.as_ref().unwrap().asks_for_resolve(&appeared));
    folder.write("src/app.py", "");
    assert!(folder.load().diagnostics.is_empty());
}

#[test]
fn a_missing_handler_file_is_told() {
    let folder = Folder::with(&[("template.yaml", TEMPLATE), ("src/other.py", "")]);
    let loaded = folder.load();
    assert!(texts(&loaded)[0].contains("the handler app.handler is in app.py"), "{:?}", texts(&loaded));
    folder.write("src/app/__init__.py", "");
    assert!(folder.load().diagnostics.is_empty());
}

#[test]
fn variables_come_from_the_file_before_the_shell_before_the_template() {
    let file = r#"{"Hello": {"AA": "own", "X": "undeclared"}, "Parameters": {"AA": "all"}}"#;
    let folder = Folder::with(&[("template.yaml", TEMPLATE), ("src/app.py", ""), ("env.json", file)]);
    let mut settings = folder.settings();
    settings.env_vars = Some(folder.path("env.json"));
    let loaded = folder.load_with(&settings, &[("AA", "shell"), ("BB", "shell"), ("Y", "shell")]);
    let variables = &hello(&loaded).environment.0;
    let pairs: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(pairs, [("AA", "own"), ("BB", "shell"), ("CC", "template")]);
    assert!(loaded.project.unwrap().sources.contains(&folder.path("env.json")));
}

#[test]
fn a_bad_env_vars_file_is_told_with_its_place_and_nothing_runs_without_its_variables() {
    let folder = Folder::with(&[("template.yaml", TEMPLATE), ("src/app.py", ""), ("env.json", "{\n  oops\n}")]);
    let mut settings = folder.settings();
    settings.env_vars = Some(folder.path("env.json"));
    let loaded = folder.load_with(&settings, &[]);
    assert!(texts(&loaded)[0].contains("env.json:2:"), "{:?}", texts(&loaded));
    assert!(loaded.project.is_none());
}

#[test]
fn an_unreadable_template_is_told() {
    let folder = Folder::with(&[]);
    let mut settings = folder.settings();
    settings.template = Some(PathBuf::from("nowhere.yaml"));
    let loaded = folder.load_with(&settings, &[]);
    assert!(loaded.project.is_none());
    assert_eq!(loaded.template, folder.path("nowhere.yaml"));
    assert!(texts(&loaded)[0].contains("cannot be read"));
}

#[test]
fn the_region_in_use_is_in_every_arn() {
    let folder = Folder::with(&[("template.yaml", TEMPLATE), ("src/app.py", "")]);
    assert_eq!(hello(&folder.load()).arn, "arn:aws:lambda:eu-west-1:123456789012:function:Hello");
    assert_eq!(hello(&folder.load()).region, "eu-west-1");
}
