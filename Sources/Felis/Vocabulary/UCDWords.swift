/// The words of the IVOA's list of UCD words, version 1.6 of 2024-12-18 (public domain, CC-0):
/// https://www.ivoa.net/documents/UCD1+/. The letters are those of the list: P only first, S only after another word, Q
/// both, E photometric, V vectors, C colours (these three both).
enum UCDWords {
    /// The class of a word, whatever the case of its letters; `nil` for unknown words.
    static func role(of word: Substring) -> Character? {
        index.place(of: word.utf8).map { Character(Unicode.Scalar(index.words[$0].role)) }
    }

    static var all: [String] {
        index.words.map { String(decoding: index.text[$0.start..<($0.start + $0.count)], as: UTF8.self) }
    }

    /// Every program that checks a UCD makes this once, so it is a table of places in the text rather than of strings.
    private struct Index {
        private(set) var text: [UInt8] = []
        private(set) var words: [(start: Int, count: Int, role: UInt8)] = []
        /// Numbers of words by their hashes, one behind the other where hashes are the same; -1 for free slots.
        private var slots = [Int16](repeating: -1, count: 2048)

        init(_ lists: [(role: Unicode.Scalar, words: StaticString)]) {
            for list in lists {
                let role = UInt8(truncatingIfNeeded: list.role.value)
                let start = text.count
                list.words.withUTF8Buffer { text += $0 }
                text.append(UInt8(ascii: " "))
                var first = start
                for place in start..<text.count
                where text[place] == UInt8(ascii: " ") || text[place] == UInt8(ascii: "\n") {
                    if place > first { add(first, place - first, role) }
                    first = place + 1
                }
            }
        }

        private mutating func add(_ start: Int, _ count: Int, _ role: UInt8) {
            var slot = Self.slot(text[start..<(start + count)])
            while slots[slot] >= 0 { slot = (slot + 1) % slots.count }
            slots[slot] = Int16(words.count)
            words.append((start, count, role))
        }

        func place(of word: some Collection<UInt8>) -> Int? {
            var slot = Self.slot(word)
            while slots[slot] >= 0 {
                let place = Int(slots[slot])
                let known = words[place]
                if known.count == word.count,
                    zip(word, text[known.start..<(known.start + known.count)]).allSatisfy({
                        Self.lowered($0) == Self.lowered($1)
                    })
                {
                    return place
                }
                slot = (slot + 1) % slots.count
            }
            return nil
        }

        private static func slot(_ word: some Collection<UInt8>) -> Int {
            // FNV-1a.
            var hash: UInt32 = 2_166_136_261
            for byte in word { hash = (hash ^ UInt32(lowered(byte))) &* 16_777_619 }
            return Int((hash ^ (hash >> 15)) & 2047)
        }

        private static func lowered(_ byte: UInt8) -> UInt8 { (0x41...0x5A).contains(byte) ? byte | 0x20 : byte }
    }

    private static let index = Index(lists)

    private static let lists: [(role: Unicode.Scalar, words: StaticString)] = [
        (
            "C",
            """
            phot.color
            """
        ),
        (
            "E",
            """
            instr.background phot phot.antennaTemp phot.count phot.fluence phot.flux phot.flux.density
            phot.flux.density.sb phot.flux.sb phot.limbDark phot.mag phot.mag.bc phot.mag.reddFree phot.mag.sb
            phot.radiance phys.absorption phys.angSize phys.angSize.smajAxis phys.angSize.sminAxis phys.fluence
            phys.luminosity phys.magAbs phys.polarization spect.dopplerVeloc spect.dopplerVeloc.opt
            spect.dopplerVeloc.radio spect.index spect.line.asymmetry spect.line.broad spect.line.broad.Zeeman
            spect.line.eqWidth spect.line.intensity spect.line.profile spect.line.width
            """
        ),
        (
            "P",
            """
            arith.factor arith.grad arith.rate meta meta.abstract meta.bib meta.bib.author meta.bib.bibcode
            meta.bib.fig meta.bib.journal meta.bib.page meta.bib.volume meta.code meta.code.class meta.code.error
            meta.code.member meta.code.mime meta.code.multip meta.code.qual meta.code.status meta.cryptic meta.id
            meta.id.assoc meta.id.CoI meta.id.cross meta.id.parent meta.id.part meta.id.PI meta.note meta.number
            meta.record meta.ref meta.ref.doi meta.ref.epic meta.ref.orcid meta.ref.pid meta.ref.rorid meta.ref.uri
            meta.ref.url meta.title meta.unit meta.version obs.atmos.turbulence.isoplanatic pos.wcs pos.wcs.cdmatrix
            pos.wcs.crpix pos.wcs.crval pos.wcs.ctype pos.wcs.naxes pos.wcs.naxis pos.wcs.scale stat.confidenceLevel
            stat.correlation stat.covariance stat.error stat.error.sys stat.fit.chi2 stat.fit.dof stat.fit.goodness
            stat.fit.residual stat.kurtosis stat.likelihood stat.mad stat.rank stat.rms stat.skewness stat.snr
            stat.variance stat.weight
            """
        ),
        (
            "Q",
            """
            arith arith.zp em.bin em.energy em.freq em.freq.cutoff em.freq.resonance em.wavenumber em.wl em.wl.central
            em.wl.effective instr instr.bandpass instr.bandwidth instr.baseline instr.calib instr.det.noise
            instr.det.psf instr.det.qe instr.dispersion instr.experiment instr.obsty.seeing instr.offset instr.order
            instr.param instr.plate.emulsion instr.precision instr.rmsf instr.saturation instr.scale instr.sensitivity
            instr.setup instr.skyLevel instr.skyTemp instr.tel instr.tel.focalLength meta.calibLevel meta.checksum
            meta.coverage meta.curation meta.dataset meta.email meta.query meta.ref.ivoid meta.ucd obs.airMass
            obs.atmos.extinction obs.atmos.humidity obs.atmos.rain obs.atmos.refractAngle obs.atmos.water obs.observer
            obs.param obs.proposal.cycle phot.calib phot.color.excess phot.color.reddFree phot.flux.bol phot.mag.bol
            phot.mag.distMod phys phys.SFR phys.absorption.coeff phys.absorption.gal phys.absorption.opticalDepth
            phys.abund phys.abund.Fe phys.abund.X phys.abund.Y phys.abund.Z phys.acceleration phys.albedo phys.angArea
            phys.angMomentum phys.area phys.atmol.branchingRatio phys.atmol.collStrength phys.atmol.configuration
            phys.atmol.crossSection phys.atmol.element phys.atmol.excitation phys.atmol.final phys.atmol.initial
            phys.atmol.ionStage phys.atmol.lande phys.atmol.lifetime phys.atmol.lineShift phys.atmol.number
            phys.atmol.oscStrength phys.atmol.parity phys.atmol.qn phys.atmol.radiationType phys.atmol.symmetry
            phys.atmol.sWeight phys.atmol.sWeight.nuclear phys.atmol.term phys.atmol.transProb phys.atmol.wOscStrength
            phys.atmol.weight phys.columnDensity phys.composition.massLightRatio phys.composition.yield phys.current
            phys.current.density phys.damping phys.density phys.density.phaseSpace phys.dielectric phys.dispMeasure
            phys.electCharge phys.electron.degen phys.emissMeasure phys.emissivity phys.energy phys.energy.Gibbs
            phys.energy.Helmholtz phys.energy.density phys.enthalpy phys.entropy phys.eos phys.excitParam phys.flux
            phys.flux.energy phys.gauntFactor phys.gravity phys.inspiralSpin phys.ionizParam phys.ionizParam.coll
            phys.ionizParam.rad phys.luminosity.fun phys.magAbs.bol phys.mass phys.mass.inertiaMomentum phys.mass.loss
            phys.mol phys.mol.dipole phys.mol.dipole.electric phys.mol.dipole.magnetic phys.mol.dissociation
            phys.mol.formationHeat phys.mol.quadrupole phys.mol.quadrupole.electric phys.polarization.circular
            phys.polarization.coherency phys.polarization.linear phys.polarization.rotMeasure phys.polarization.stokes
            phys.polarization.stokes.I phys.polarization.stokes.Q phys.polarization.stokes.U phys.polarization.stokes.V
            phys.potential phys.pressure phys.recombination.coeff phys.reflectance phys.reflectance.bidirectional
            phys.reflectance.bidirectional.df phys.reflectance.factor phys.refractIndex phys.size phys.size.axisRatio
            phys.size.diameter phys.size.radius phys.size.smajAxis phys.size.sminAxis phys.size.smedAxis
            phys.temperature phys.temperature.dew phys.temperature.effective phys.temperature.electron
            phys.transmission phys.veloc.ang phys.veloc.dispersion phys.veloc.escape phys.veloc.expansion
            phys.veloc.microTurb phys.veloc.orbital phys.veloc.pulsat phys.veloc.rotat phys.veloc.transverse
            phys.volume phys.voltage pos pos.angDistance pos.angResolution pos.az pos.az.alt pos.az.azi pos.az.zd
            pos.azimuth pos.bodyrc.alt pos.bodyrc.lat pos.bodyrc.lon pos.cartesian.x pos.cartesian.y pos.cartesian.z
            pos.cylindrical.azi pos.cylindrical.r pos.cylindrical.z pos.dirCos pos.earth.altitude pos.earth.lat
            pos.earth.lon pos.ecliptic.lat pos.ecliptic.lon pos.emergenceAng pos.ephem pos.eq pos.eq.dec pos.eq.ha
            pos.eq.ra pos.eq.spd pos.frame pos.galactic.lat pos.galactic.lon pos.healpix pos.HTM pos.incidenceAng
            pos.lunar pos.lunar.occult pos.nutation pos.outline pos.parallax pos.parallax.dyn pos.parallax.phot
            pos.parallax.spect pos.parallax.trig pos.phaseAng pos.posAng pos.projection pos.resolution
            pos.spherical.azi pos.spherical.colat pos.spherical.r pos.supergalactic.lat pos.supergalactic.lon spect
            spect.binSize spect.dopplerParam spect.line.broad.Stark spect.line.strength spect.resolution src.class
            src.class.color src.class.distance src.class.luminosity src.class.richness src.class.starGalaxy
            src.class.struct src.density src.ellipticity src.impactParam src.morph src.morph.param src.morph.scLength
            src.morph.type src.orbital src.orbital.eccentricity src.orbital.inclination src.orbital.meanAnomaly
            src.orbital.meanMotion src.orbital.node src.orbital.periastron src.orbital.Tisserand src.orbital.TissJ
            src.redshift src.redshift.phot src.sample src.spType src.var src.var.amplitude src.var.index src.var.pulse
            stat stat.asymmetry stat.falsePositive stat.falseNegative stat.filling stat.fit stat.fit.param stat.Fourier
            stat.Fourier.amplitude stat.param stat.percentile stat.probability stat.stdev stat.value time time.age
            time.creation time.crossing time.duration time.end time.epoch time.equinox time.interval time.lifetime
            time.period time.period.pulsation time.period.revolution time.period.rotation time.phase time.processing
            time.publiYear time.relax time.release time.resolution time.scale time.start
            """
        ),
        (
            "S",
            """
            arith.diff arith.ratio arith.squared arith.sum arith.variation em em.IR em.IR.J em.IR.H em.IR.K em.IR.3-4um
            em.IR.4-8um em.IR.8-15um em.IR.15-30um em.IR.30-60um em.IR.60-100um em.IR.NIR em.IR.MIR em.IR.FIR em.UV
            em.UV.10-50nm em.UV.50-100nm em.UV.100-200nm em.UV.200-300nm em.X-ray em.X-ray.soft em.X-ray.medium
            em.X-ray.hard em.gamma em.gamma.soft em.gamma.hard em.line em.line.HI em.line.Lyalpha em.line.Halpha
            em.line.Hbeta em.line.Hgamma em.line.Hdelta em.line.Brgamma em.line.OIII em.line.CO em.mm em.mm.30-50GHz
            em.mm.50-100GHz em.mm.100-200GHz em.mm.200-400GHz em.mm.400-750GHz em.mm.750-1500GHz em.mm.1500-3000GHz
            em.opt em.opt.U em.opt.B em.opt.V em.opt.R em.opt.I em.pw em.radio em.radio.20MHz em.radio.20-100MHz
            em.radio.100-200MHz em.radio.200-400MHz em.radio.400-750MHz em.radio.750-1500MHz em.radio.1500-3000MHz
            em.radio.3-6GHz em.radio.6-12GHz em.radio.12-30GHz instr.beam instr.det instr.filter instr.fov instr.obsty
            instr.pixel instr.plate instr.voxel meta.file meta.fits meta.main meta.modelled meta.preview meta.software
            meta.table obs obs.atmos obs.atmos.turbulence obs.atmos.wind obs.calib obs.calib.flat obs.calib.dark
            obs.exposure obs.field obs.image obs.occult obs.transit obs.proposal obs.sequence phys.aerosol phys.atmol
            phys.atmol.collisional phys.atmol.ionization phys.atmol.level phys.atmol.transition phys.composition
            phys.cosmology phys.dust phys.electron phys.mol.rotation phys.mol.vibration phys.particle
            phys.particle.neutrino phys.particle.neutron phys.particle.proton phys.particle.alpha phys.phaseSpace
            phys.virial pos.barycenter pos.bodycentric pos.bodygraphic pos.bodyrc pos.cartesian pos.centroid pos.cmb
            pos.cylindrical pos.earth pos.ecliptic pos.eop pos.errorEllipse pos.galactic pos.galactocentric
            pos.geocentric pos.heliocentric pos.lg pos.lsr pos.spherical pos.supergalactic spect.continuum spect.line
            src src.calib src.calib.guideStar src.net stat.fit.omc stat.fwhm stat.interval stat.max stat.mean
            stat.median stat.min stat.uncalib
            """
        ),
        (
            "V",
            """
            phys.electField phys.magField phys.veloc pos.distance pos.pm pos.precess
            """
        ),
    ]
}
