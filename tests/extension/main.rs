//! An external extension, built on AWS's crate: writes what it hears to `$RECORD.built`.

use std::io::Write;

use lambda_extension::{Error, LambdaEvent, NextEvent, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    lambda_extension::run(service_fn(hear)).await
}

async fn hear(event: LambdaEvent) -> Result<(), Error> {
    let line = match event.next {
        NextEvent::Invoke(invoke) => format!("invoke {}", invoke.request_id),
        NextEvent::Shutdown(shutdown) => format!("shutdown {}", shutdown.shutdown_reason),
    };
    let path = format!("{}.built", std::env::var("RECORD")?);
    writeln!(std::fs::File::options().create(true).append(true).open(path)?, "{line}")?;
    Ok(())
}
