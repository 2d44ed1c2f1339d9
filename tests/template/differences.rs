//! How two projects differ.

use std::collections::BTreeSet;
use std::path::PathBuf;

use samd::project::{FunctionId, Project, ProjectDiff};

use super::resolve_text;

const TEMPLATE: &str = "
Transform: AWS::Serverless-2016-10-31
Resources:
  Users:
    Type: AWS::Serverless::Function
    Properties:
      Handler: app.handler
      Runtime: python3.12
      CodeUri: users/
      Events:
        List: {Type: Api, Properties: {Path: /users, Method: get}}
  Orders:
    Type: AWS::Serverless::Function
    Properties:
      Handler: app.handler
      Runtime: python3.12
      CodeUri: orders/
      Layers: [!Ref Common]
      Events:
        List: {Type: Api, Properties: {Path: /orders, Method: get}}
  Common:
    Type: AWS::Serverless::LayerVersion
    Properties: {ContentUri: common/}
";

fn project(text: &str) -> Project {
    resolve_text(text).0
}

fn ids(names: &[&str]) -> BTreeSet<FunctionId> {
    names.iter().map(|name| FunctionId((*name).to_owned())).collect()
}

fn texts(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn reformatting_a_template_changes_nothing() {
    let reformatted = format!("# a comment\n{}", TEMPLATE.replace("handler\n", "handler   # why\n"));
    assert!(ProjectDiff::between(&project(TEMPLATE), &project(&reformatted), &[]).is_empty());
}

#[test]
fn a_touched_file_changes_the_functions_whose_code_or_layers_it_lies_in() {
    let same = project(TEMPLATE);
    let touched = |path: &str| ProjectDiff::between(&same, &same, &[PathBuf::from(path)]).functions.changed;
    assert_eq!(touched("/project/users/app.py"), ids(&["Users"]));
    assert_eq!(touched("/project/common/python/lib.py"), ids(&["Orders"]));
    assert_eq!(touched("/project/users2/app.py"), ids(&[]));
    assert_eq!(touched("/project/template.yaml"), ids(&[]));
}

#[test]
fn a_changed_value_changes_its_function_alone() {
    let next = project(&TEMPLATE.replacen("python3.12", "python3.13", 1));
    let diff = ProjectDiff::between(&project(TEMPLATE), &next, &[]);
    assert_eq!(diff.functions.changed, ids(&["Users"]));
    assert!(diff.routes.is_empty());
}

#[test]
fn routes_that_came_and_went_are_named() {
    let next = project(&TEMPLATE.replace("Path: /users,", "Path: /people,"));
    let diff = ProjectDiff::between(&project(TEMPLATE), &next, &[]);
    assert_eq!(diff.routes.added, texts(&["GET /people"]));
    assert_eq!(diff.routes.removed, texts(&["GET /users"]));
    assert!(diff.functions.is_empty());
}

#[test]
fn starting_is_a_difference_from_the_empty_project_and_stopping_one_to_it() {
    let (empty, full) = (Project::default(), project(TEMPLATE));
    assert_eq!(ProjectDiff::between(&empty, &full, &[]).functions.added, ids(&["Users", "Orders"]));
    assert_eq!(ProjectDiff::between(&full, &empty, &[]).functions.removed, ids(&["Users", "Orders"]));
}

#[test]
fn a_forced_function_counts_as_changed_unless_it_is_new_or_gone() {
    let (empty, full) = (Project::default(), project(TEMPLATE));
    let mut diff = ProjectDiff::between(&full, &full, &[]);
    diff.force(&[FunctionId("Users".to_owned())]);
    assert_eq!(diff.functions.changed, ids(&["Users"]));
    let mut diff = ProjectDiff::between(&empty, &full, &[]);
    diff.force(&[FunctionId("Users".to_owned())]);
    assert!(diff.functions.changed.is_empty());
}

#[test]
fn what_is_worth_watching_is_what_the_model_uses() {
    let expected = ["/project/common", "/project/orders", "/project/template.yaml", "/project/users"];
    assert_eq!(project(TEMPLATE).watched(), expected.map(PathBuf::from).to_vec());
    assert_eq!(project(TEMPLATE).functions_using("/project/common/x".as_ref()), [FunctionId("Orders".to_owned())]);
    assert!(project(TEMPLATE).asks_for_resolve(&[PathBuf::from("/project/template.yaml")]));
    assert!(!project(TEMPLATE).asks_for_resolve(&[PathBuf::from("/project/users/app.py")]));
}
