import ButlerModel
import RepositoryConfiguration
import StructuredData

@testable import Butler

extension ExportFile {
    /// Those of a section of datasets, in the order of the file.
    func files(of datasets: Datasets) throws -> [File] {
        try (0..<files.pageCount).flatMap { try files.page($0) }.filter { $0.section == datasets.section }.map(\.file)
    }

    func files(of section: Int) throws -> [File] { try files(of: datasets[section]) }
}

/// An export file as Rubin's software wrote it (`lsst.daf.butler` 30.2026.4300), with a section of every kind.
enum ExportSample {
    static func universe() async throws -> DimensionUniverse {
        try DimensionUniverse(
            DimensionConfiguration(
                .object(
                    try await DefaultDimensions.configuration(
                        path: nil, environment: ConfigurationEnvironment(variables: [:])))))
    }

    /// A file with these sections.
    static func file(_ sections: String, version: String = "1.0.2", universe: Int = 8) -> String {
        "version: \(version)\nuniverse_version: \(universe)\ndata:\n\(sections)\n"
    }

    static func read(_ text: String) throws -> ExportFile { try ExportFile(yaml: YAMLSource(Array(text.utf8))) }

    static let text = """
        description: Butler Data Repository Export
        version: 1.0.2
        universe_version: 8
        universe_namespace: daf_butler
        data:
        - type: dimension
          element: instrument
          records:
          - name: HSC
            visit_max: 21474800
            visit_system: null
            exposure_max: 21474800
            detector_max: 200
            class_name: lsst.obs.subaru.HyperSuprimeCam
        - type: dimension
          element: skymap
          records:
          - name: hsc_rings_v1
            hash: !!binary |
              4p/p8QCONZ82o2d+fWnMQ5N20eY=
            tract_max: 18938
            patch_nx_max: 9
            patch_ny_max: 9
        - type: dimension
          element: day_obs
          records:
          - instrument: HSC
            id: 20140324
        - type: dimension
          element: detector
          records:
          - instrument: HSC
            id: 0
            full_name: '1_53'
            name_in_raft: '53'
            raft: '1'
            purpose: SCIENCE
          - instrument: HSC
            id: 90
            full_name: '0_47'
            name_in_raft: '47'
            raft: '0'
            purpose: SCIENCE
        - type: dimension
          element: physical_filter
          records:
          - instrument: HSC
            name: HSC-G
            band: g
          - instrument: HSC
            name: HSC-Y
            band: y
        - type: dimension
          element: visit_system
          records:
          - instrument: HSC
            id: 0
            name: one-to-one
        - type: dimension
          element: visit
          records:
          - instrument: HSC
            id: 318
            day_obs: 20140324
            physical_filter: HSC-Y
            name: HSCA00031800
            seq_num: null
            exposure_time: 240.0
            target_name: null
            observation_reason: null
            science_program: null
            azimuth: null
            zenith_angle: null
            region: !<lsst.sphgeom.ConvexPolygon>
              encoded: 70f273f45e7a8bebbf3532735f5c45e03f31e418d07c7b973f19602ba05199ebbf6fe9a3d4682ee03fc69e88f89edb953f5d42ae77c9beebbfa4cbed09fadbdf3fd7716618c664953f2178639646c2ebbff2274774d0cfdf3f46b51e62c963953f3836b081b8e6ebbf6544d192034fdf3f64320ff881c1953f800f4ed45af3ebbfb7bd846e9b20df3f31008c020f6a973f60931bf240faebbfb57ec3a24905df3f8baa313c3d829a3fdc3da8f74500ecbfeab280fa91ecde3f4ce582a3cfc39d3f1870ab846d00ecbf09257f7a6deade3f7e45b335bd5d9f3f0ea328197600ecbf5b3d2ed49be8de3ff589c08a947fa03f8285e0195e00ecbf1da8861725e7de3fdcbd583a8952a13ff79d70cb2700ecbfe03ed4a801e6de3fb2f2ce9c3027a23f35d2d8dbe9ffebbff19bb61d6ce5de3f845fe002b8c3a23f20b3ffb3d0ffebbfdc18174e3de5de3f7807810231fca23f9089d23e82ffebbfa692a01fd2e4de3f9c4ef75af998a33f79569d8f62ffebbf4c42a8faafe4de3f334803335bd3a33f0eb5363ffcfeebbff17c4aaa8de4de3f0953e35bd36ea43f750a5b905dfeebbf80f28ac28ee4de3f58c9d16a7f43a53fcbdfe6cfa5fdebbfe626cfa1d8e4de3f5959df847916a63f0c6ed634d9fcebbfdfc020c55fe5de3f075d95cca8e6a63f9fb24e96edfbebbf74f88ec442e6de3fee4d06ba59b6a73f5c2bb2b13bf4ebbf65a0f251e8fcde3fbdc014991958a93fe32c46e0e7ebebbf0ffaee67be15df3ff4adb4c0bbdfaa3f66137a9645deebbf08a7edb0be43df3fb7a8e84f57acab3fc1b8803a2db9ebbf722db3dccec5df3fa3fbb715cae5ab3fb49b7004adb5ebbf8158ceff02d2df3f7d2ec41efee5ab3f656773136990ebbfddf885888f29e03f55759c7f05b5ab3f16bfdb66a583ebbf5762fe8aa140e03fccd0727708e3aa3fdc1bf18e037debbfb1d4cd99524ee03fd7a0e2210456a93f57c8bb373477ebbfe4e200f78a5ae03fa6d4225355b5a73f22da367c3477ebbf42cdc99db05be03f91ddcae0ede6a63f3aa661ca4e77ebbf970a6793a25ce03f29c62bb4d816a63fd961d8417f77ebbffe305b43685de03faf3ef7163744a53f79aad8adc477ebbf074a4b2b025ee03f2ebbf202f96fa43f0bfe7d3d0478ebbf352196db575ee03f7379f3dc94d3a33fb3d9917d1e78ebbf64de9669705ee03fbcc5acdb9e9aa33f57135c017078ebbf22284a7ca05ee03fc52f5be7cefda23f0d6041d98d78ebbfdc0434a9af5ee03fefe1f8123bc5a23f824f20aaea78ebbf629813ffc35ee03fb16083551e29a23fd3b7efd57979ebbfb163287db95ee03fee62d84b2b55a13fee548e92187aebbf935d0f2d885ee03f027454712483a03f886d4ec2c77aebbfe5fbb16d2e5ee03fe1989bb8f4669f3fa98b8205837bebbf85b5db46b35de03fa7a52610c6cd9d3f2ea876031b83ebbf7d0e754d5452e03f495307d6388b9a3f
            datetime_begin: !butler_time/tai/iso '2014-03-25 09:34:19.634000000'
            datetime_end: !butler_time/tai/iso '2014-03-25 09:38:21.595000000'
        - type: dimension
          element: visit_detector_region
          records:
          - instrument: HSC
            detector: 90
            visit: 318
            region: !<lsst.sphgeom.ConvexPolygon>
              encoded: 701da070311cf1ebbff3a2afbd4811df3fadebda85be60a63f69da108ab9ecebbf89a294e84815df3f77a161085625aa3f31c17cbf47c8ebbfbefe6ba00196df3f039746a81967aa3f582299225bcbebbfdcb7e6505197df3f4a9dd033797ba63f
        - type: dimension
          element: visit_system_membership
          records:
          - instrument: HSC
            visit_system: 0
            visit: 318
        - type: collection
          collection_type: TAGGED
          name: HSC/best
        - type: collection
          collection_type: CALIBRATION
          name: HSC/calib
          doc: Certified calibrations.
        - type: collection
          collection_type: RUN
          name: HSC/calib/gen/2026A
          host: null
          timespan_begin: null
          timespan_end: null
        - type: collection
          collection_type: RUN
          name: HSC/runs/RC2/DM-00001
          doc: First processing of the fixture.
          host: null
          timespan_begin: null
          timespan_end: null
        - type: collection
          collection_type: RUN
          name: HSC/runs/RC2/DM-00002
          host: null
          timespan_begin: null
          timespan_end: null
        - type: collection
          collection_type: CHAINED
          name: HSC/runs/RC2
          children:
          - HSC/runs/RC2/DM-00002
          - HSC/runs/RC2/DM-00001
        - type: dataset_type
          name: calexp_metadata
          dimensions:
          - band
          - instrument
          - day_obs
          - detector
          - physical_filter
          - visit
          storage_class: StructuredDataDict
          is_calibration: false
        - type: dataset
          dataset_type: calexp_metadata
          run: HSC/runs/RC2/DM-00001
          records:
          - dataset_id:
            - !uuid 'c349e416-3a49-5d36-8993-ef012907ce5f'
            data_id:
            - instrument: HSC
              detector: 90
              visit: 318
            path: HSC/runs/RC2/DM-00001/calexp_metadata/20140324/y/HSC-Y/318/calexp_metadata_HSC_y_HSC-Y_318_0_47_HSC_runs_RC2_DM-00001.yaml
            formatter: lsst.daf.butler.formatters.yaml.YamlFormatter
        - type: dataset_type
          name: flatCoeffs
          dimensions:
          - band
          - instrument
          - detector
          - physical_filter
          storage_class: StructuredDataDict
          is_calibration: true
        - type: dataset
          dataset_type: flatCoeffs
          run: HSC/calib/gen/2026A
          records:
          - dataset_id:
            - !uuid 'f4043dc4-3a73-5c03-8018-657a85df1748'
            data_id:
            - instrument: HSC
              detector: 0
              physical_filter: HSC-G
            path: HSC/calib/gen/2026A/flatCoeffs/g/HSC-G/flatCoeffs_HSC_g_HSC-G_1_53_HSC_calib_gen_2026A.yaml
            formatter: lsst.daf.butler.formatters.yaml.YamlFormatter
        - type: associations
          collection: HSC/best
          collection_type: TAGGED
          dataset_ids:
          - !uuid 'c349e416-3a49-5d36-8993-ef012907ce5f'
        - type: associations
          collection: HSC/calib
          collection_type: CALIBRATION
          validity_ranges:
          - timespan: !lsst.daf.butler.Timespan
              begin: !butler_time/tai/iso '2013-01-01 00:00:00.000000000'
              end: !butler_time/tai/iso '2015-01-01 00:00:00.000000000'
            dataset_ids:
            - !uuid 'f4043dc4-3a73-5c03-8018-657a85df1748'

        """
}
