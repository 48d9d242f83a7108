//! A function of an OS-only runtime that reads with a client library from crates.io.

use aws_parameters_and_secrets_lambda::ManagerBuilder;
use serde::Deserialize;
use serde_json::{json, Value};

type Error = Box<dyn std::error::Error + Send + Sync>;

#[derive(Deserialize)]
struct Database {
    user: String,
    password: String,
}

async fn handle() -> Result<Value, Error> {
    let manager = ManagerBuilder::new().build()?;
    let url = manager.get_parameter("/example/url", true).get_raw().await?;
    let database: Database = manager.get_secret("example/database").get_typed().await?;
    Ok(json!({"url": url, "user": database.user, "password": database.password.len()}))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let api = format!("http://{}/2018-06-01/runtime/invocation", std::env::var("AWS_LAMBDA_RUNTIME_API")?);
    let client = reqwest::Client::new();
    loop {
        let event = client.get(format!("{api}/next")).send().await?;
        let id = event.headers()["lambda-runtime-aws-request-id"].to_str()?.to_owned();
        event.bytes().await?;
        let (path, body) = match handle().await {
            Ok(answer) => ("response", answer),
            Err(error) => ("error", json!({"errorType": "Error", "errorMessage": format!("{error:?}")})),
        };
        client.post(format!("{api}/{id}/{path}")).json(&body).send().await?;
    }
}
