//! The times of a stream's packets, decoded or not.

use std::io::{BufRead, BufReader};

use super::Decode;
use crate::Result;
use crate::videos::process::Process;
use crate::videos::tools::{self, Tools};

/// The times of all packets that are to be shown, in order.
pub(super) fn times(tools: &Tools, decode: &Decode) -> Result<Vec<i64>> {
    let mut command = tools.ffprobe();
    command.args(["-select_streams", &decode.stream.to_string()]);
    command.args(["-show_entries", "packet=pts,flags", "-of", "csv=p=0"]);
    command.args(tools::input(&decode.path));
    let mut process = Process::start("ffprobe", command)?;
    let mut times = Vec::new();
    for line in BufReader::new(process.stdout()?).lines() {
        let line = line?;
        let mut fields = line.split(',');
        let pts = fields.next().and_then(|pts| pts.parse::<i64>().ok());
        let discarded = fields.next().is_some_and(|flags| flags.contains('D'));
        times.extend(pts.filter(|_| !discarded));
    }
    times.sort_unstable();
    times.dedup();
    Ok(times)
}
