//! The practice line as a server of its own, with as many users as are asked for, until its input ends: for programs that
//! measure phones. It says in one line of JSON how to reach it.
//!
//!     cargo run --release -p pbx --example server -- 3

use std::io::Read;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let users = std::env::args().nth(1).map_or(Ok(2), |count| count.parse())?;
    let line = pbx::start(pbx::Config { users, ..pbx::Config::practice() }).await?;
    let user = |user: &pbx::User| format!(r#"{{"name":"{}","password":"{}"}}"#, user.name, user.password.expose());
    let users: Vec<String> = line.users.iter().map(user).collect();
    println!(
        r#"{{"url":"{}","pin":"{}","domain":"{}","users":[{}]}}"#,
        line.url,
        line.pin,
        line.domain,
        users.join(",")
    );
    tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await??;
    line.shutdown().await;
    Ok(())
}
