//! The sink of an archive, which can be given up.

use std::io::{self, ErrorKind, Seek, SeekFrom, Write};
use std::sync::{Arc, Mutex, PoisonError};

use crate::images::Sink;

/// A sink that, after its first error or when it was given up, takes everything and keeps nothing: a [`zip::ZipWriter`]
/// completes its archive when it is dropped, too, and prints what goes wrong then.
#[derive(Clone)]
pub(super) struct Yielding(Arc<Mutex<State>>);

struct State {
    /// `None` when it was given up.
    sink: Option<Sink>,
    position: u64,
    end: u64,
}

/// Gives a sink up when it is dropped.
pub(super) struct Guard(pub(super) Yielding);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.with(|state| state.sink = None);
    }
}

impl Yielding {
    pub(super) fn new(sink: Sink) -> Self {
        Yielding(Arc::new(Mutex::new(State { sink: Some(sink), position: 0, end: 0 })))
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl State {
    /// What the sink says, or `otherwise` if there is none any more.
    fn ask<T>(&mut self, otherwise: T, act: impl FnOnce(&mut Sink) -> io::Result<T>) -> io::Result<T> {
        let Some(sink) = &mut self.sink else { return Ok(otherwise) };
        let answer = act(sink);
        if answer.as_ref().is_err_and(|error| error.kind() != ErrorKind::Interrupted) {
            self.sink = None;
        }
        answer
    }
}

impl Write for Yielding {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.with(|state| {
            let written = state.ask(bytes.len(), |sink| sink.write(bytes))?;
            state.position += written as u64;
            state.end = state.end.max(state.position);
            Ok(written)
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        self.with(|state| state.ask((), Write::flush))
    }
}

impl Seek for Yielding {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.with(|state| {
            let position = match to {
                SeekFrom::Start(at) => Some(at),
                SeekFrom::Current(by) => state.position.checked_add_signed(by),
                SeekFrom::End(by) => state.end.checked_add_signed(by),
            };
            let position = position.ok_or(ErrorKind::InvalidInput)?;
            state.position = state.ask(position, |sink| sink.seek(to))?;
            Ok(state.position)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A disk that has no room.
    struct Full;

    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(ErrorKind::StorageFull.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Err(ErrorKind::StorageFull.into())
        }
    }

    impl Seek for Full {
        fn seek(&mut self, _: SeekFrom) -> io::Result<u64> {
            Err(ErrorKind::StorageFull.into())
        }
    }

    #[test]
    fn after_an_error_everything_is_taken() {
        let mut sink = Yielding::new(Box::new(Full));
        assert_eq!(sink.write(b"abc").unwrap_err().kind(), ErrorKind::StorageFull);
        assert_eq!(sink.write(b"abc").unwrap(), 3);
        assert_eq!(sink.seek(SeekFrom::Current(-2)).unwrap(), 1);
        assert_eq!(sink.seek(SeekFrom::End(0)).unwrap(), 3);
        sink.flush().unwrap();
    }

    #[test]
    fn what_was_given_up_is_not_written_to() {
        let mut sink = Yielding::new(Box::new(Full));
        drop(Guard(sink.clone()));
        sink.write_all(b"abc").unwrap();
    }
}
