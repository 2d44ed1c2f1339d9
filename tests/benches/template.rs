//! How long templates take, by size, and what finding a route costs among many: `cargo bench -p samd-tests`.
//!
//! The last lines are ratios, which mean the same on any machine: time per function against the smallest template, and a
//! route among 10,000 against one among 10.

#![allow(missing_docs, reason = "Criterion's macro makes a function without a word")]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use criterion::{Criterion, criterion_group, criterion_main};
use samd::apigw::Router;
use samd::project::environment::Overrides;
use samd::project::{Project, resolve};
use samd::template::scope::Surroundings;
use samd::template::{Findings, Template};
use samd_tests::large_template::large_template;

/// Functions, and routes that they share.
const SIZES: [(usize, usize); 4] = [(100, 1_000), (1_000, 10_000), (3_000, 30_000), (10_000, 100_000)];
const ROUTES: [usize; 3] = [10, 1_000, 10_000];

fn load(text: &str) -> Project {
    let around = Surroundings {
        region: "us-east-1".to_owned(),
        account: "123456789012".to_owned(),
        stack_name: "stack".to_owned(),
        overrides: BTreeMap::new(),
        read: &|_| Err(std::io::Error::from(std::io::ErrorKind::NotFound)),
        findings: Findings::default(),
    };
    let template = Template::parse(Path::new("/project/template.yaml"), text).expect("the template is well formed");
    resolve(template, around, &Overrides::default()).0
}

fn router(routes: usize) -> Router {
    let project = load(&large_template(routes / 10, routes));
    let router = Router::new(&project.apis.values().collect::<Vec<_>>());
    assert!(router.find("GET", "/group0/function0/42/route9").is_some(), "the route that is looked for is there");
    router
}

fn templates(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("load and resolve");
    group.sample_size(10);
    for (functions, routes) in SIZES {
        let text = large_template(functions, routes);
        group.bench_function(format!("{functions} functions, {routes} routes"), |bench| {
            bench.iter(|| load(black_box(&text)));
        });
    }
    group.finish();
}

fn finding(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("find a route");
    for routes in ROUTES {
        let router = router(routes);
        group.bench_function(format!("among {routes}"), |bench| {
            bench.iter(|| router.find(black_box("GET"), black_box("/group0/function0/42/route9")));
        });
    }
    group.finish();
}

/// The least of several runs, in seconds.
fn least(runs: usize, mut work: impl FnMut()) -> f64 {
    let times = (0..runs).map(|_| {
        let began = Instant::now();
        work();
        began.elapsed().as_secs_f64()
    });
    times.fold(f64::INFINITY, f64::min)
}

fn ratios(_: &mut Criterion) {
    let per_function = SIZES.map(|(functions, routes)| {
        let text = large_template(functions, routes);
        #[allow(clippy::cast_precision_loss)] // Far below 2^52.
        let count = functions as f64;
        (functions, least(3, || drop(black_box(load(&text)))) / count)
    });
    for (functions, time) in per_function {
        println!("{functions} functions: {:.2} times the time per function of the smallest", time / per_function[0].1);
    }
    let finds = ROUTES.map(|routes| {
        let router = router(routes);
        let many = || (0..100_000).for_each(|_| drop(black_box(router.find("GET", "/group0/function0/42/route9"))));
        least(5, many)
    });
    println!("a route among 10000: {:.2} times the time among 10", finds[2] / finds[0]);
}

criterion_group!(benches, templates, finding, ratios);
criterion_main!(benches);
