import ButlerModel
import StructuredData

/// A universe of the shape that observatories use, small enough to read.
enum TestUniverse {
    static let document = """
        {"version": 8, "namespace": "daf_butler",
         "skypix": {"common": "htm7", "htm": {"class": "lsst.sphgeom.HtmPixelization", "max_level": 24},
                    "healpix": {"class": "lsst.sphgeom.HealpixPixelization", "max_level": 17}},
         "elements": {
          "instrument": {"doc": "A camera.", "keys": [{"name": "name", "type": "string", "length": 32}], "governor": true,
            "metadata": [{"name": "detector_max", "type": "int"}, {"name": "class_name", "type": "string", "length": 64}]},
          "band": {"keys": [{"name": "name", "type": "string", "length": 32}],
            "storage": {"cls": "lsst.daf.butler.registry.dimensions.caching.CachingDimensionRecordStorage",
              "nested": {"cls": "lsst.daf.butler.registry.dimensions.query.QueryDimensionRecordStorage",
                         "view_of": "physical_filter"}}},
          "physical_filter": {"keys": [{"name": "name", "type": "string", "length": 32}], "requires": ["instrument"],
            "implies": ["band"], "is_cached": true},
          "detector": {"keys": [{"name": "id", "type": "int"}, {"name": "full_name", "type": "string", "length": 32}],
            "requires": ["instrument"], "metadata": [{"name": "purpose", "type": "string", "length": 32}]},
          "group": {"keys": [{"name": "name", "type": "string", "length": 64}], "requires": ["instrument"]},
          "day_obs": {"keys": [{"name": "id", "type": "int"}], "requires": ["instrument"]},
          "visit": {"keys": [{"name": "id", "type": "int"}, {"name": "name", "type": "string", "length": 64}],
            "requires": ["instrument"], "implies": ["physical_filter", "day_obs"],
            "metadata": [{"name": "exposure_time", "type": "float"}]},
          "exposure": {"keys": [{"name": "id", "type": "int"}, {"name": "obs_id", "type": "string", "length": 64}],
            "requires": ["instrument"], "implies": ["physical_filter", "group", "day_obs"],
            "metadata": [{"name": "has_simulated", "type": "bool"}]},
          "skymap": {"keys": [{"name": "name", "type": "string", "length": 64}, {"name": "hash", "type": "hash", "nbytes": 40}],
            "governor": true},
          "tract": {"keys": [{"name": "id", "type": "int"}], "requires": ["skymap"]},
          "patch": {"keys": [{"name": "id", "type": "int"}], "requires": ["skymap", "tract"],
            "metadata": [{"name": "cell_x", "type": "int", "nullable": false}]},
          "visit_detector_region": {"requires": ["visit", "detector"], "populated_by": "visit"},
          "visit_definition": {"requires": ["exposure", "visit"], "populated_by": "visit", "always_join": true}},
         "topology": {"spatial": {"observation_regions": ["visit_detector_region", "visit"], "skymap_regions": ["patch", "tract"]},
                      "temporal": {"observation_timespans": ["exposure", "visit", "day_obs"]}}}
        """

    static func make() throws -> DimensionUniverse {
        try DimensionUniverse(DimensionConfiguration(StructuredValue(json: document)))
    }
}
