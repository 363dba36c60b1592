/// The names of units: those of the *generic* format of astropy's units, which is what the language goes by.
///
/// A name is a base name, or a prefix before a base name of a class that takes it.
enum UnitNames {
    static func isKnown(_ name: String) -> Bool {
        if classes[name] != nil || special.contains(name) { return true }
        if excluded.contains(name) { return false }
        for length in 1...6 {
            guard let end = name.index(name.startIndex, offsetBy: length, limitedBy: name.endIndex), end < name.endIndex
            else { return false }
            guard let group = prefixes[String(name[..<end])] else { continue }
            if classes[String(name[end...])]?.contains(group) ?? false { return true }
        }
        return false
    }

    /// Names to suggest.
    static var baseNames: some Sequence<String> { classes.keys.sorted() }

    private struct Prefixes: OptionSet {
        let rawValue: UInt8
        /// `k`, `M`.
        static let short = Prefixes(rawValue: 1)
        /// `kilo`, `mega`.
        static let long = Prefixes(rawValue: 2)
        /// `Ki`, `Mi`.
        static let binaryShort = Prefixes(rawValue: 4)
        /// `kibi`, `mebi`.
        static let binaryLong = Prefixes(rawValue: 8)
    }

    private static let prefixes: [String: Prefixes] = {
        let lists: [(Prefixes, String)] = [
            (.short, "q r y z a f p n u m c d da h k M G T P E Z Y R Q µ μ"),
            (
                .long,
                """
                quecto ronto yocto zepto atto femto pico nano micro milli centi deci deka deca hecto kilo mega giga
                tera peta exa zetta yotta ronna quetta
                """
            ),
            (.binaryShort, "Ki Mi Gi Ti Pi Ei Zi Yi"),
            (.binaryLong, "kibi mebi gibi tebi pebi exbi zebi yobi"),
        ]
        var result: [String: Prefixes] = [:]
        for (group, words) in lists {
            for word in words.split(whereSeparator: \.isWhitespace) { result[String(word)] = group }
        }
        return result
    }()

    /// The names with prefixes of bases that take only some of a class.
    private static let special: Set<String> = [
        "mAA", "mAngstrom", "mTorr", "mangstrom", "mbar", "milliAA", "milliAngstrom",
        "milliangstrom", "millitorr", "milliÅ", "mÅ", "nanomaggy", "nmgy",
    ]

    /// Names that the rule would make but that mean something else, or nothing.
    private static let excluded: Set<String> = ["dbyte", "pcount", "yd"]

    private static let classes: [String: Prefixes] = {
        var result: [String: Prefixes] = [:]
        for (group, words) in lists {
            for word in words.split(whereSeparator: \.isWhitespace) { result[String(word)] = group }
        }
        return result
    }()

    private static let lists: [(Prefixes, String)] = [
        (
            [],
            """
            AA AB ABflux Angstrom Bethe Bi Biot Bol Celsius DN Fr Franklin L_bol M_e M_earth M_jup M_jupiter M_p
            Maxwell Mearth Mjup Mjupiter Mx R_earth R_jup R_jupiter Rearth Rjup Rjupiter ST STflux Sun Torr abA abC
            abampere abcoulomb angstrom bar bethe bol centimeter cm cy cycle dB decibel deg_C dex dn earthMass earthRad
            electron esu f_bol foe fortnight ha hectare hourangle jupiterMass jupiterRad kg kilogram lightsecond lsec
            maggy mas maxwell mgy micron pct percent sday sp spat statA statC statampere statcoulomb t tonne torr uas
            week wk µas Å μas
            """
        ),
        (
            [.long],
            """
            Barye Da Dalton Debye Farad Gauss Henry Hertz Jansky Joule Kayser Kelvin L_sun Lsun M_sun Msun Newton
            Oersted Pascal R_sun Rayleigh Rsun Siemens Tesla Volt Watt Weber amp ampere annum arcminute arcsecond
            astronomical_unit barye becquerel candela coulomb curie day debye degree dyne electronvolt farad gal gauss
            gram gray henry hertz hour hr jansky joule katal kayser lightyear liter lumen lux meter minute mole newton
            oersted parsec pascal poise radian rayleigh rydberg second siemens sievert steradian stokes tesla volt watt
            weber year
            """
        ),
        (
            [.short],
            """
            A AU Ba Bq C Ci D F G Gal Gy H Hz J Jy K L N Oe P Pa R Ry S St Sv T V W Wb a adu arcmin arcsec au beam bin
            cd chan ct d deg dyn eV erg g h k kat l lm lx lyr m mag min mol ohm pc ph pix rad s solLum solMass solRad
            sr u vox yr Ω ℓ
            """
        ),
        (
            [.short, .binaryShort],
            """
            B b
            """
        ),
        (
            [.short, .long],
            """
            Ohm barn count photon pixel voxel
            """
        ),
        (
            [.short, .long, .binaryShort, .binaryLong],
            """
            bit byte
            """
        ),
    ]
}
