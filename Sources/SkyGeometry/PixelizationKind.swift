/// The pixelizations by the names that dimension configurations use for them.
public enum PixelizationKind: String, CaseIterable, Sendable {
    case htm = "lsst.sphgeom.HtmPixelization"
    case healpix = "lsst.sphgeom.HealpixPixelization"
    case q3c = "lsst.sphgeom.Q3cPixelization"
    case mq3c = "lsst.sphgeom.Mq3cPixelization"
}
