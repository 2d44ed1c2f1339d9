//! `samctl token`: prints a token that the project's authorizers accept, made on this machine.

use std::collections::BTreeMap;

use samd_proto::endpoint::Token;
use samd_proto::token::TokenRequest;

use super::Session;
use crate::cli::TokenArgs;
use crate::exit::{Ended, Failure, Outcome};
use crate::target;

pub(super) fn run(arguments: &TokenArgs, session: &mut Session<'_>) -> Ended {
    let claims = arguments.claims.iter().map(|claim| pair(claim)).collect::<Result<BTreeMap<_, _>, _>>()?;
    let client = session.connect_or_start()?;
    let name = target::named_or_default(arguments.name.as_ref(), &client, session.surroundings)?;
    let scopes = arguments.scopes.iter().flat_map(|scopes| scopes.split_whitespace()).map(str::to_owned).collect();
    let request = TokenRequest { name, authorizer: arguments.authorizer.clone(), claims, scopes };
    let response = client.call::<Token>(&request)?;
    session.output().answer(&response, |_| format!("{}\n", response.token.0))?;
    Ok(Outcome::Done)
}

fn pair(claim: &str) -> Result<(String, String), Failure> {
    match claim.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err(Failure::Usage(format!("the claim `{claim}` has not the form NAME=VALUE"))),
    }
}
