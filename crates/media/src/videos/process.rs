//! Other programs: started without a shell, listened to, and ended on every path.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::{Error, Result};

/// The last lines that a program said are kept, up to so many.
const LINES: usize = 20;

/// A longer line is cut.
const LONGEST_LINE: u64 = 4096;

/// How long the last words of a program that was killed may take.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// A running program. It is killed when this is dropped, and never stays behind as a zombie.
pub(super) struct Process {
    program: &'static str,
    child: Child,
    messages: Arc<Messages>,
    listener: Option<JoinHandle<()>>,
}

/// What a program says on its standard error.
#[derive(Default)]
pub(super) struct Messages {
    lines: Mutex<VecDeque<String>>,
    count: AtomicUsize,
}

impl Process {
    /// Starts a program. Standard error is listened to; the caller decides about the other two.
    ///
    /// # Errors
    /// [`Error::Program`] if it cannot be started.
    pub(super) fn start(program: &'static str, mut command: Command) -> Result<Self> {
        let started = command.stderr(Stdio::piped()).spawn();
        let mut child =
            started.map_err(|error| Error::program(program, format!("cannot be started: {error}")))?;
        let messages = Arc::new(Messages::default());
        let listener = child.stderr.take().map(|stderr| {
            let messages = messages.clone();
            std::thread::spawn(move || messages.listen(stderr))
        });
        Ok(Self { program, child, messages, listener })
    }

    /// Its standard output, if it was piped and not yet taken.
    pub(super) fn stdout(&mut self) -> Result<ChildStdout> {
        self.child.stdout.take().ok_or_else(|| Error::misuse("the output of a program was not piped"))
    }

    /// Its standard input, if it was piped and not yet taken.
    pub(super) fn stdin(&mut self) -> Result<ChildStdin> {
        self.child.stdin.take().ok_or_else(|| Error::misuse("the input of a program was not piped"))
    }

    pub(super) fn messages(&self) -> &Messages {
        &self.messages
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// [`Error::Program`] with the last thing that it said, if it failed.
    pub(super) fn finish(mut self) -> Result<()> {
        drop(self.child.stdin.take());
        let status = self.child.wait()?;
        self.listener.take().map(JoinHandle::join);
        if status.success() { Ok(()) } else { Err(self.failure(&format!("it ended with {status}"))) }
    }

    /// Waits for its end, after it was written to with this result.
    ///
    /// # Errors
    /// As [`Process::finish`]; the result's own error, unless it is the pipe's.
    pub(super) fn fed(self, written: Result<()>) -> Result<()> {
        match written {
            Ok(()) => self.finish(),
            // It has stopped listening, and says why.
            Err(Error::Io { .. }) => {
                let early = Error::program(self.program, "it ended too early");
                Err(self.blame(early))
            }
            Err(error) => Err(error),
        }
    }

    /// Waits for its end, however it ends; the number of lines that it said.
    pub(super) fn wait(&mut self) -> Result<usize> {
        self.child.wait()?;
        self.listener.take().map(JoinHandle::join);
        Ok(self.messages.count())
    }

    /// All that it writes to its standard output, up to `limit` bytes, once it has ended well.
    ///
    /// # Errors
    /// As [`Process::finish`].
    pub(super) fn output(mut self, limit: u64) -> Result<Vec<u8>> {
        let mut output = Vec::new();
        self.stdout()?.take(limit).read_to_end(&mut output)?;
        if output.len() as u64 == limit {
            return Err(Error::program(self.program, "it says too much"));
        }
        self.finish()?;
        Ok(output)
    }

    /// What went wrong: what the program said last, or else `otherwise`.
    fn failure(&self, otherwise: &str) -> Error {
        Error::program(self.program, self.messages.last().unwrap_or_else(|| otherwise.into()))
    }

    /// Waits for the last words of a program that was killed, for a while: what it started itself may say nothing and never end.
    fn hear_out(&self) {
        let deadline = Instant::now() + LAST_WORDS;
        while self.listener.as_ref().is_some_and(|listener| !listener.is_finished())
            && Instant::now() < deadline
        {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// The cause of an error of a pipe to or from this program: its own last words, if it has ended in failure.
    pub(super) fn blame(mut self, error: Error) -> Error {
        drop((self.child.stdin.take(), self.child.stdout.take()));
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.hear_out();
        match self.messages.last() {
            Some(said) => Error::program(self.program, said),
            None => error,
        }
    }
}

impl Drop for Process {
    /// Does not wait for the listener: where the program is a script around another, that one still holds standard error.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Messages {
    fn listen(&self, stderr: ChildStderr) {
        let mut from = BufReader::new(stderr);
        let mut line = Vec::new();
        while let Ok(1..) = from.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line) {
            let text = plain(&String::from_utf8_lossy(&line));
            if !text.is_empty() {
                let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
                lines.push_back(text);
                if lines.len() > LINES {
                    lines.pop_front();
                }
                self.count.fetch_add(1, Ordering::Release);
            }
            line.clear();
        }
    }

    /// How many lines were said so far.
    pub(super) fn count(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }

    /// The last line that says something: not only that the end has come, or that a line was repeated.
    pub(super) fn last(&self) -> Option<String> {
        const EMPTY: [&str; 10] = [
            "Error splitting the argument list",
            "Last message repeated",
            "Conversion failed!",
            "Error opening output files",
            "Exiting",
            "Error initializing output stream",
            "Error while opening encoder",
            "Could not write header",
            "Could not open encoder before EOF",
            "Nothing was written into output file",
        ];
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let telling = lines.iter().rev().find(|line| !EMPTY.iter().any(|empty| line.starts_with(empty)));
        telling.or(lines.back()).cloned()
    }
}

/// A line without `[h264 @ 0x55d0c1]` before it.
fn plain(line: &str) -> String {
    let mut line = line.trim();
    while let Some((origin, rest)) = line.strip_prefix('[').and_then(|inner| inner.split_once(']')) {
        if !origin.contains(" @ 0x") {
            break;
        }
        line = rest.trim();
    }
    line.to_owned()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    /// A script that waits for a program of its own, as wrappers of ffmpeg do, which runs and ends when its input does.
    #[cfg(unix)]
    fn script() -> (Process, ChildStdin) {
        let mut command = Command::new("sh");
        command.args(["-c", "cat; true"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = Process::start("sh", command).expect("a shell");
        let mut input = process.stdin().expect("its input");
        input.write_all(b"!").expect("a byte for cat");
        process.stdout().expect("its output").read_exact(&mut [0]).expect("the byte from cat");
        (process, input)
    }

    #[cfg(unix)]
    #[test]
    fn what_a_script_started_is_not_waited_for() {
        let (process, input) = script();
        drop(process);
        drop(input);
        let (process, input) = script();
        assert!(matches!(process.blame(Error::misuse("ours")), Error::Misuse { .. }));
        drop(input);
    }

    #[test]
    fn addresses_are_no_news() {
        assert_eq!(plain("[mov,mp4 @ 0x55e1] moov atom not found\n"), "moov atom not found");
        assert_eq!(plain("[vost#0:0 @ 0x1] [enc:libx264 @ 0x2] no"), "no");
        assert_eq!(plain("[a] b"), "[a] b");
    }
}
