//! How long the last frame of a video is shown.

use super::Ratio;

/// How a video ends, in its time base.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ending {
    /// When the last frame is shown, as the segments tell it.
    pub pts: i64,
    /// For how long.
    pub length: i64,
    /// How long at least all others are shown.
    pub shortest: i64,
}

impl Ending {
    /// An expression for the duration of each packet, of a video with this time base in a file with its own, whichever is counted in.
    pub(super) fn told(self, base: Ratio, own: Ratio) -> String {
        let told =
            |unit: Ratio| [self.pts, self.length, self.shortest].map(|ticks| unit.ticks(base.seconds(ticks)));
        let ([own_pts, own_length, own_shortest], [pts, length, shortest]) = (told(own), told(base));
        // A frame before the last one that lasted longer than it does would end after it.
        let others = own_shortest.min(shortest);
        let last = |pts, length, otherwise| format!("if(eq(PTS\\,{pts})\\,{length}\\,{otherwise})");
        last(own_pts, own_length, last(pts, length, others.to_string()))
    }
}
