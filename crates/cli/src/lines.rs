//! `run --json`: lines in, lines out. The lines are the phone's own; nothing is added to them here.

use std::{
    io::{self, Write},
    process::ExitCode,
    time::Duration,
};

use phone::{Listener, Phone, contract::Line};
use tokio::{runtime::Handle, sync::oneshot};

use crate::{
    input::{Input, Said},
    run,
};

/// How long a reader may take for the last lines.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Talks until the input ends, nobody reads any more, or the process is asked to end.
pub(crate) async fn talk(phone: &Phone, mut input: Input) -> ExitCode {
    let (door, listener) = phone.attach();
    let (stopped, mut unread) = oneshot::channel();
    let runtime = Handle::current();
    // On a thread of its own: a reader that is slow stops this thread and nothing else.
    let writer = std::thread::spawn(move || {
        let result = write(&runtime, listener);
        let _ = stopped.send(());
        result
    });
    loop {
        tokio::select! {
            said = input.next() => match said {
                Some(Said::Line(line)) if line.trim().is_empty() => {}
                Some(Said::Line(line)) => door.submit(&line).await,
                // It is no command, and is answered as such.
                Some(Said::Unreadable(why)) => door.submit(why).await,
                None => break,
            },
            () = run::interrupted() => break,
            _ = &mut unread => break,
        }
    }
    run::leave(phone).await;
    // The phone has told its listeners all; the thread ends with the last line, unless nobody takes it.
    let written = tokio::task::spawn_blocking(move || writer.join());
    match tokio::time::timeout(LAST_WORDS, written).await {
        Ok(Ok(Ok(Ok(())))) => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

/// Writes every line until the phone ends.
fn write(runtime: &Handle, mut listener: Listener) -> io::Result<()> {
    let mut output = io::stdout().lock();
    while let Some(line) = runtime.block_on(listener.next()) {
        one(&mut output, &line)?;
    }
    Ok(())
}

fn one(output: &mut impl Write, line: &Line) -> io::Result<()> {
    let mut text = serde_json::to_vec(line).map_err(io::Error::other)?;
    text.push(b'\n');
    output.write_all(&text)?;
    output.flush()
}
