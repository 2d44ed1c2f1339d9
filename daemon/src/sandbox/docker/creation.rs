//! Makes containers, each under a name of its own: an engine that goes away may have made one and not have said so, and that
//! one is removed all the same when the engine is back.

use bollard::Docker;
use bollard::errors::Error;
use bollard::models::ContainerCreateBody;
use bollard::query_parameters::CreateContainerOptionsBuilder;

use super::container::remove;
use super::{plan, removal};
use crate::shutdown::Phase;

/// Makes a container; returns its id.
///
/// # Errors
/// The engine refuses, or does not answer. Then there is none, or soon there is none any more.
pub(super) async fn create(docker: &Docker, tasks: &Phase, body: ContainerCreateBody) -> Result<String, Error> {
    let name = name_of(&body);
    let options = CreateContainerOptionsBuilder::new().name(&name).build();
    let created = docker.create_container(Some(options), body).await;
    if created.as_ref().is_err_and(|problem| !is_answer(problem)) {
        let (docker, end) = (docker.clone(), tasks.token());
        tasks.spawn(format!("the removal of container {name}"), async move {
            removal::until_done(&format!("container {name}"), &end, || remove(&docker, &name)).await;
        });
    }
    created.map(|created| created.id)
}

fn is_answer(problem: &Error) -> bool {
    matches!(problem, Error::DockerResponseServerError { .. })
}

/// Tells people who look at the engine whose it is: `samd-shop-Orders-1f0c8a…`.
fn name_of(body: &ContainerCreateBody) -> String {
    let label = |key| body.labels.as_ref().and_then(|labels| labels.get(key)).map(String::as_str);
    let words = ["samd", label(plan::PROJECT).unwrap_or("files"), label(plan::FUNCTION).unwrap_or_default()];
    let allowed = |letter: char| if letter.is_ascii_alphanumeric() { letter } else { '-' };
    let words: Vec<String> =
        words.iter().filter(|word| !word.is_empty()).map(|word| word.chars().map(allowed).collect()).collect();
    format!("{}-{}", words.join("-"), uuid::Uuid::new_v4().simple())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_is_named_after_its_project_and_function() {
        let labels = [(plan::PROJECT, "my shop"), (plan::FUNCTION, "Nested/Orders")];
        let labels = labels.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let body = ContainerCreateBody { labels: Some(labels.into()), ..ContainerCreateBody::default() };
        let name = name_of(&body);
        assert!(name.starts_with("samd-my-shop-Nested-Orders-"), "{name}");
        assert_ne!(name_of(&body), name);
    }
}
