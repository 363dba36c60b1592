/// How much of a survey to make.
public struct SurveyScale: Sendable {
    /// Pixels along each side of a detector.
    let pixels: Int
    let visitsPerNight: Int
    /// The last visits of the second night that are processed a second time.
    let reprocessedVisits: Int
    let biasFrames: Int
    let flatFrames: Int

    /// 24 visits with eight detectors of 100 × 100 pixels: about 50 MB.
    public static let full = SurveyScale(
        pixels: 100, visitsPerNight: 12, reprocessedVisits: 3, biasFrames: 9, flatFrames: 7)

    /// Six visits with detectors of 48 × 48 pixels: a few megabytes, for tests.
    public static let small = SurveyScale(
        pixels: 48, visitsPerNight: 3, reprocessedVisits: 1, biasFrames: 3, flatFrames: 3)
}
