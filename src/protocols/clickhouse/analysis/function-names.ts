// Names of the functions that servers bring with them (26.9, and what only 18.16 had). What some of them can do is in functions.ts.

/** Ordinary functions; case matters. */
export const FUNCTIONS =
  'AIClassify AIEmbed AIExtract AIFilter AIGenerate AIRedact AISimilarity AITranslate BLAKE3 DATE_DIFF ' +
  'IPv4CIDRToRange IPv4NumToString IPv4NumToStringClassC IPv4StringToNum IPv4StringToNumOrDefault ' +
  'IPv4StringToNumOrNull IPv4ToIPv6 IPv6CIDRToRange IPv6NumToString IPv6StringToNum IPv6StringToNumOrDefault ' +
  'IPv6StringToNumOrNull JSONAllPaths JSONAllPathsWithTypes JSONAllValues JSONArrayLength JSONDynamicPaths ' +
  'JSONDynamicPathsWithTypes JSONExtract JSONExtractArrayRaw JSONExtractArrayRawCaseInsensitive ' +
  'JSONExtractBool JSONExtractBoolCaseInsensitive JSONExtractCaseInsensitive JSONExtractFloat ' +
  'JSONExtractFloatCaseInsensitive JSONExtractInt JSONExtractIntCaseInsensitive JSONExtractKeys ' +
  'JSONExtractKeysAndValues JSONExtractKeysAndValuesCaseInsensitive JSONExtractKeysAndValuesRaw ' +
  'JSONExtractKeysAndValuesRawCaseInsensitive JSONExtractKeysCaseInsensitive JSONExtractRaw ' +
  'JSONExtractRawCaseInsensitive JSONExtractString JSONExtractStringCaseInsensitive JSONExtractUInt ' +
  'JSONExtractUIntCaseInsensitive JSONHas JSONKey JSONLength JSONMergePatch JSONSharedDataPaths ' +
  'JSONSharedDataPathsWithTypes JSONType JSON_EXISTS JSON_QUERY JSON_VALUE L1Distance L1Norm L1Normalize ' +
  'L2Distance L2DistanceTransposed L2DistanceTransposedQuantized L2Norm L2Normalize L2SquaredDistance ' +
  'L2SquaredNorm LinfDistance LinfNorm LinfNormalize LpDistance LpNorm LpNormalize MACNumToString ' +
  'MACStringToNum MACStringToOUI MAP_FROM_ARRAYS MD4 MD5 MGRSToGeo MVTBoundingBox MVTBoundingBoxMercator ' +
  'MVTEncodeGeom OSHierarchy OSIn OSToRoot RIPEMD160 SEHierarchy SEIn SEToRoot SHA1 SHA224 SHA256 SHA384 ' +
  'SHA512 SHA512_256 ST_AsMVTGeom ST_LineFromWKB ST_MLineFromWKB ST_MPointFromWKB ST_MPolyFromWKB ' +
  'ST_PointFromWKB ST_PolyFromWKB SVG TIMESTAMP_DIFF URLHash URLHierarchy URLPathHierarchy UTMToGeo ' +
  'UUIDNumToString UUIDStringToNum UUIDToNum UUIDv7ToDateTime WKB WKT YYYYMMDDhhmmssToDateTime64 __actionName ' +
  '__applyFilter __bitBoolMaskAnd __bitBoolMaskOr __bitSwapLastTwo __bitWrapperFunc __getScalar ' +
  '__groupingForCube __groupingForGroupingSets __groupingForRollup __groupingOrdinary __patchPartitionID ' +
  '__scalarSubqueryResult __toYearCalendarOnly accurateCast accurateCastOrDefault accurateCastOrNull acosh ' +
  'addDays addHours addInterval addMicroseconds addMilliseconds addMinutes addMonths addNanoseconds ' +
  'addQuarters addSeconds addTupleOfIntervals addWeeks addYears addressToLine addressToLineWithInlines ' +
  'addressToSymbol aes_decrypt_mysql aes_encrypt_mysql aiClassify aiEmbed aiExtract aiFilter aiGenerate ' +
  'aiRedact aiSimilarity aiTranslate alphaTokens and appendTrailingCharIfAbsent areaCartesian areaSpherical ' +
  'array arrayAUC arrayAUCPR arrayAll arrayAutocorrelation arrayAvg arrayBottomK arrayCompact arrayConcat ' +
  'arrayCount arrayCumSum arrayCumSumNonNegative arrayDifference arrayDistinct arrayDotProduct arrayElement ' +
  'arrayElementOrNull arrayEnumerate arrayEnumerateDense arrayEnumerateDenseRanked arrayEnumerateUniq ' +
  'arrayEnumerateUniqRanked arrayExcept arrayExists arrayFill arrayFilter arrayFirst arrayFirstIndex ' +
  'arrayFirstOrNull arrayFlatten arrayFlattenedLength arrayFold arrayIntersect arrayJaccardIndex arrayJoin ' +
  'arrayLast arrayLastIndex arrayLastOrNull arrayLevenshteinDistance arrayLevenshteinDistanceWeighted arrayMap ' +
  'arrayMax arrayMin arrayNormalizedGini arrayPRAUC arrayPartialReverseSort arrayPartialSort arrayPopBack ' +
  'arrayPopFront arrayProduct arrayPushBack arrayPushFront arrayROCAUC arrayRandomSample arrayReduce ' +
  'arrayReduceInRanges arrayRemove arrayResize arrayReverse arrayReverseFill arrayReverseSort ' +
  'arrayReverseSplit arrayRotateLeft arrayRotateRight arrayShiftLeft arrayShiftRight arrayShingles ' +
  'arraySimilarity arraySlice arraySort arraySplit arrayStringConcat arraySum arraySymmetricDifference ' +
  'arrayTopK arrayTranspose arrayUnion arrayUniq arrayWithConstant arrayZip arrayZipUnaligned asinh ' +
  'assignCentroid assumeNotNull atanh authUser authenticatedUser bar base32Decode base32Encode base58Decode ' +
  'base58Encode base64Decode base64Encode base64URLDecode base64URLEncode basename bitAnd bitCount ' +
  'bitHammingDistance bitNot bitOr bitPositionsToArray bitRotateLeft bitRotateRight bitShiftLeft bitShiftRight ' +
  'bitSlice bitTest bitTestAll bitTestAny bitXor bitmapAnd bitmapAndCardinality bitmapAndnot ' +
  'bitmapAndnotCardinality bitmapBuild bitmapCardinality bitmapContains bitmapHasAll bitmapHasAny bitmapMax ' +
  'bitmapMin bitmapOr bitmapOrCardinality bitmapSubsetInRange bitmapSubsetLimit bitmapToArray bitmapTransform ' +
  'bitmapXor bitmapXorCardinality bitmaskToArray bitmaskToList blockNumber blockSerializedSize blockSize ' +
  'buildId byteHammingDistance byteSize caseFoldUTF8 caseWithExpr caseWithExpression caseWithoutExpr ' +
  'caseWithoutExpression cbrt changeDay changeHour changeMinute changeMonth changeSecond changeYear cityHash64 ' +
  'clamp colorOKLABToSRGB colorOKLCHToSRGB colorSRGBToOKLAB colorSRGBToOKLCH compareSubstrings ' +
  'concatAssumeInjective concatWithSeparator concatWithSeparatorAssumeInjective conv convertCharset cosh ' +
  'cosineDistance cosineDistanceTransposed cosineDistanceTransposedQuantized countDigits countEqual ' +
  'countMatches countMatchesCaseInsensitive countSubstringsCaseInsensitive countSubstringsCaseInsensitiveUTF8 ' +
  'currentDatabase currentHandler currentProfiles currentQueryID currentRequestURL currentRoles currentUser ' +
  'cutFragment cutIPv6 cutQueryString cutQueryStringAndFragment cutToFirstSignificantSubdomain ' +
  'cutToFirstSignificantSubdomainCustom cutToFirstSignificantSubdomainCustomRFC ' +
  'cutToFirstSignificantSubdomainCustomWithWWW cutToFirstSignificantSubdomainCustomWithWWWRFC ' +
  'cutToFirstSignificantSubdomainRFC cutToFirstSignificantSubdomainWithWWW ' +
  'cutToFirstSignificantSubdomainWithWWWRFC cutURLParameter cutWWW damerauLevenshteinDistance ' +
  'dateTime64ToSnowflake dateTime64ToSnowflakeID dateTimeToSnowflake dateTimeToSnowflakeID dateTimeToUUIDv7 ' +
  'dateTrunc date_diff decodeHTMLComponent decodeURLComponent decodeURLFormComponent decodeXMLComponent ' +
  'decrypt defaultProfiles defaultRoles defaultValueOfArgumentType defaultValueOfTypeName demangle ' +
  'dequantizeInt8ToBFloat16 detectCharset detectLanguage detectLanguageMixed detectLanguageUnknown ' +
  'detectProgrammingLanguage detectTonality dictGet dictGetAll dictGetChildren dictGetDate ' +
  'dictGetDateOrDefault dictGetDateTime dictGetDateTimeOrDefault dictGetDescendants dictGetFloat32 ' +
  'dictGetFloat32OrDefault dictGetFloat64 dictGetFloat64OrDefault dictGetHierarchy dictGetIPv4 ' +
  'dictGetIPv4OrDefault dictGetIPv6 dictGetIPv6OrDefault dictGetInt16 dictGetInt16OrDefault dictGetInt32 ' +
  'dictGetInt32OrDefault dictGetInt64 dictGetInt64OrDefault dictGetInt8 dictGetInt8OrDefault dictGetKeys ' +
  'dictGetOrDefault dictGetOrNull dictGetRoot dictGetString dictGetStringOrDefault dictGetUInt16 ' +
  'dictGetUInt16OrDefault dictGetUInt32 dictGetUInt32OrDefault dictGetUInt64 dictGetUInt64OrDefault ' +
  'dictGetUInt8 dictGetUInt8OrDefault dictGetUUID dictGetUUIDOrDefault dictHas dictIsIn digits displayName ' +
  'divide divideDecimal divideOrNull domain domainRFC domainWithoutWWW domainWithoutWWWRFC dotProduct ' +
  'dotProductTransposed dotProductTransposedQuantized dumpColumnStructure dynamicElement dynamicType e ' +
  'editDistance editDistanceUTF8 empty emptyArrayDate emptyArrayDateTime emptyArrayFloat32 emptyArrayFloat64 ' +
  'emptyArrayInt16 emptyArrayInt32 emptyArrayInt64 emptyArrayInt8 emptyArrayString emptyArrayToSingle ' +
  'emptyArrayUInt16 emptyArrayUInt32 emptyArrayUInt64 emptyArrayUInt8 enabledProfiles enabledRoles ' +
  'encodeURLComponent encodeURLFormComponent encodeXMLComponent encrypt endsWith endsWithCaseInsensitive ' +
  'endsWithCaseInsensitiveUTF8 endsWithUTF8 equals erf erfc errorCodeToName evalMLMethod exp10 exp2 extract ' +
  'extractAll extractAllGroups extractAllGroupsHorizontal extractAllGroupsVertical extractGroups ' +
  'extractKeyValuePairs extractKeyValuePairsWithEscaping extractTextFromHTML extractURLParameter ' +
  'extractURLParameterNames extractURLParameters farmFingerprint64 farmHash64 file filesystemAvailable ' +
  'filesystemCapacity filesystemUnreserved finalizeAggregation financialInternalRateOfReturn ' +
  'financialInternalRateOfReturnExtended financialNetPresentValue financialNetPresentValueExtended ' +
  'findClusterIndex findClusterValue firstLine firstSignificantSubdomain firstSignificantSubdomainCustom ' +
  'firstSignificantSubdomainCustomRFC firstSignificantSubdomainRFC flattenTuple flipCoordinates format ' +
  'formatDateTime formatDateTimeInJodaSyntax formatQuery formatQueryFromJSON formatQueryOrNull ' +
  'formatQuerySingleLine formatQuerySingleLineOrNull formatReadableDecimalSize formatReadableQuantity ' +
  'formatReadableSize formatReadableTimeDelta formatRow formatRowNoNewline fragment fromDaysSinceYearZero ' +
  'fromDaysSinceYearZero32 fromModifiedJulianDay fromModifiedJulianDayOrNull fromUTCTimestamp ' +
  'fromUnixTimestamp fromUnixTimestamp64Micro fromUnixTimestamp64Milli fromUnixTimestamp64Nano ' +
  'fromUnixTimestamp64Second fromUnixTimestampInJodaSyntax fullHostName fuzzBits fuzzQuery gccMurmurHash gcd ' +
  'generateRandomStructure generateSerialID generateSnowflakeID generateULID generateUUIDv4 generateUUIDv7 ' +
  'geoDistance geoToH3 geoToMGRS geoToS2 geoToUTM geohashDecode geohashEncode geohashesInBox ' +
  'geometryIntersectCartesian geometryIntersectSpherical getClientHTTPHeader getMacro ' +
  'getMaxTableNameLengthForDatabase getMergeTreeSetting getOSKernelVersion getServerPort getServerSetting ' +
  'getSetting getSettingOrDefault getSizeOfEnumType getSubcolumn getTypeSerializationStreams globalIn ' +
  'globalInIgnoreSet globalNotIn globalNotInIgnoreSet globalNotNullIn globalNotNullInIgnoreSet globalNullIn ' +
  'globalNullInIgnoreSet globalVariable greatCircleAngle greatCircleDistance greater greaterOrEquals grouping ' +
  'h3CellAreaM2 h3CellAreaRads2 h3Distance h3EdgeAngle h3EdgeLengthKm h3EdgeLengthM h3ExactEdgeLengthKm ' +
  'h3ExactEdgeLengthM h3ExactEdgeLengthRads h3GetBaseCell h3GetDestinationIndexFromUnidirectionalEdge ' +
  'h3GetFaces h3GetIndexesFromUnidirectionalEdge h3GetOriginIndexFromUnidirectionalEdge h3GetPentagonIndexes ' +
  'h3GetRes0Indexes h3GetResolution h3GetUnidirectionalEdge h3GetUnidirectionalEdgeBoundary ' +
  'h3GetUnidirectionalEdgesFromHexagon h3HexAreaKm2 h3HexAreaM2 h3HexRing h3IndexesAreNeighbors h3IsPentagon ' +
  'h3IsResClassIII h3IsValid h3Line h3NumHexagons h3PointDistKm h3PointDistM h3PointDistRads h3PolygonToCells ' +
  'h3PolygonToCellsWithContainment h3ToCenterChild h3ToChildren h3ToGeo h3ToGeoBoundary h3ToParent h3ToString ' +
  'h3UnidirectionalEdgeIsValid h3kRing halfMD5 has hasAll hasAllToken hasAllTokens hasAny hasAnyToken ' +
  'hasAnyTokens hasColumnInTable hasPhrase hasSubstr hasThreadFuzzer hasToken hasTokenOrNull highlight ' +
  'highlightQuery hilbertDecode hilbertEncode hiveHash hop hopEnd hopStart hostName hostname icebergBucket ' +
  'icebergHash icebergTruncate identity idnaDecode idnaEncode ifNotFinite ignore ilike in inIgnoreSet ' +
  'indexHint indexOf indexOfAssumeSorted initcapUTF8 initialQueryID initialQueryStartTime ' +
  'initializeAggregation intDiv intDivOrNull intDivOrZero intExp10 intExp2 intHash32 intHash64 isASCII ' +
  'isConstant isDecimalOverflow isDistinctFrom isDynamicElementInSharedData isFinite isIPAddressInRange ' +
  'isIPv4String isIPv6String isInfinite isNaN isNotDistinctFrom isNotNull isNullable isPrime isProbablePrime ' +
  'isValidASCII isValidJSON isValidUTF8 isZeroOrNull jaroSimilarity jaroWinklerSimilarity javaHash ' +
  'javaHashUTF16LE joinGet joinGetOrNull jsonMergePatch jumpConsistentHash kafkaMurmurHash keccak256 ' +
  'kostikConsistentHash kqlBin kqlBinAt kqlDateTimeBinAt kqlDivide kqlMultiply kqlParameterCast kqlRangeCount ' +
  'kqlToTimespan lcm leftPad leftPadUTF8 leftUTF8 lemmatize lengthUTF8 less lessOrEquals levenshteinDistance ' +
  'levenshteinDistanceUTF8 lgamma like log1p logTrace lowCardinalityIndices lowCardinalityKeys lowerUTF8 ltrim ' +
  'map mapAdd mapAll mapApply mapConcat mapContains mapContainsKey mapContainsKeyLike mapContainsValue ' +
  'mapContainsValueLike mapExists mapExtractKeyLike mapExtractValueLike mapFilter mapFromArrays mapFromString ' +
  'mapKeys mapPartialReverseSort mapPartialSort mapPopulateSeries mapReverseSort mapSort mapSubtract mapUpdate ' +
  'mapValues match matchCaseInsensitive matchPhrase materialize metroHash64 minSampleSizeContinous ' +
  'minSampleSizeContinuous minSampleSizeConversion minus mismatches modelEvaluate modulo moduloLegacy ' +
  'moduloOrNull moduloOrZero mortonDecode mortonEncode multiFuzzyMatchAllIndices multiFuzzyMatchAny ' +
  'multiFuzzyMatchAnyIndex multiIf multiMatchAllIndices multiMatchAny multiMatchAnyIndex ' +
  'multiSearchAllPositions multiSearchAllPositionsCaseInsensitive multiSearchAllPositionsCaseInsensitiveUTF8 ' +
  'multiSearchAllPositionsUTF8 multiSearchAny multiSearchAnyCaseInsensitive multiSearchAnyCaseInsensitiveUTF8 ' +
  'multiSearchAnyUTF8 multiSearchFirstIndex multiSearchFirstIndexCaseInsensitive ' +
  'multiSearchFirstIndexCaseInsensitiveUTF8 multiSearchFirstIndexUTF8 multiSearchFirstPosition ' +
  'multiSearchFirstPositionCaseInsensitive multiSearchFirstPositionCaseInsensitiveUTF8 ' +
  'multiSearchFirstPositionUTF8 multiply multiplyDecimal murmurHash2_32 murmurHash2_64 murmurHash3_128 ' +
  'murmurHash3_32 murmurHash3_64 naiveBayesClassifier naiveBayesClassifierWithAllProbs ' +
  'naiveBayesClassifierWithProb naiveBayesNgrams naturalSortKey negate neighbor nested netloc ngramDistance ' +
  'ngramDistanceCaseInsensitive ngramDistanceCaseInsensitiveUTF8 ngramDistanceUTF8 ngramMinHash ' +
  'ngramMinHashArg ngramMinHashArgCaseInsensitive ngramMinHashArgCaseInsensitiveUTF8 ngramMinHashArgUTF8 ' +
  'ngramMinHashCaseInsensitive ngramMinHashCaseInsensitiveUTF8 ngramMinHashUTF8 ngramSearch ' +
  'ngramSearchCaseInsensitive ngramSearchCaseInsensitiveUTF8 ngramSearchUTF8 ngramSimHash ' +
  'ngramSimHashCaseInsensitive ngramSimHashCaseInsensitiveUTF8 ngramSimHashUTF8 ngrams normalizeQuery ' +
  'normalizeQueryKeepNames normalizeUTF8NFC normalizeUTF8NFD normalizeUTF8NFKC normalizeUTF8NFKCCasefold ' +
  'normalizeUTF8NFKD normalizedQueryHash normalizedQueryHashKeepNames notEmpty notEquals notHas notILike notIn ' +
  'notInIgnoreSet notLike notMatch notMatchCaseInsensitive notNullIn notNullInIgnoreSet nowInBlock ' +
  'nowInBlock64 nullIn nullInIgnoreSet numericIndexedVectorAllValueSum numericIndexedVectorBuild ' +
  'numericIndexedVectorCardinality numericIndexedVectorGetValue numericIndexedVectorPointwiseAdd ' +
  'numericIndexedVectorPointwiseDivide numericIndexedVectorPointwiseEqual numericIndexedVectorPointwiseGreater ' +
  'numericIndexedVectorPointwiseGreaterEqual numericIndexedVectorPointwiseLess ' +
  'numericIndexedVectorPointwiseLessEqual numericIndexedVectorPointwiseMultiply ' +
  'numericIndexedVectorPointwiseNotEqual numericIndexedVectorPointwiseSubtract ' +
  'numericIndexedVectorShortDebugString numericIndexedVectorToMap obfuscateQuery obfuscateQueryWithSeed or ' +
  'overlayUTF8 parseDateTime parseDateTime32BestEffort parseDateTime32BestEffortOrNull ' +
  'parseDateTime32BestEffortOrZero parseDateTime64 parseDateTime64BestEffort parseDateTime64BestEffortOrNull ' +
  'parseDateTime64BestEffortOrZero parseDateTime64BestEffortUS parseDateTime64BestEffortUSOrNull ' +
  'parseDateTime64BestEffortUSOrZero parseDateTime64InJodaSyntax parseDateTime64InJodaSyntaxOrNull ' +
  'parseDateTime64InJodaSyntaxOrZero parseDateTime64OrNull parseDateTime64OrZero parseDateTimeBestEffort ' +
  'parseDateTimeBestEffortOrNull parseDateTimeBestEffortOrZero parseDateTimeBestEffortUS ' +
  'parseDateTimeBestEffortUSOrNull parseDateTimeBestEffortUSOrZero parseDateTimeInJodaSyntax ' +
  'parseDateTimeInJodaSyntaxOrNull parseDateTimeInJodaSyntaxOrZero parseDateTimeOrNull parseDateTimeOrZero ' +
  'parseISO8601Duration parseQueryToJSON parseReadableSize parseReadableSizeOrNull parseReadableSizeOrZero ' +
  'parseTimeDelta partitionID partitionId path pathFull perimeterCartesian perimeterSpherical plus ' +
  'pointInEllipses pointInPolygon polygonAreaCartesian polygonAreaSpherical polygonConvexHullCartesian ' +
  'polygonPerimeterCartesian polygonPerimeterSpherical polygonsDistanceCartesian polygonsDistanceSpherical ' +
  'polygonsEqualsCartesian polygonsIntersectCartesian polygonsIntersectSpherical polygonsIntersectionCartesian ' +
  'polygonsIntersectionSpherical polygonsSymDifferenceCartesian polygonsSymDifferenceSpherical ' +
  'polygonsUnionCartesian polygonsUnionSpherical polygonsWithinCartesian polygonsWithinSpherical port portRFC ' +
  'positionCaseInsensitive positionCaseInsensitiveUTF8 positionUTF8 prettyPrintJSON printf proportionsZTest ' +
  'protocol punycodeDecode punycodeEncode quantizeBFloat16ToInt8 queryID queryString queryStringAndFragment ' +
  'rand32 rand64 randBernoulli randBinomial randCanonical randChiSquared randConstant randExponential ' +
  'randFisherF randLogNormal randNegativeBinomial randNormal randPoisson randStudentT randUniform ' +
  'randomFixedString randomHadamardTransform randomPrintableASCII randomString randomStringUTF8 range readWKB ' +
  'readWKBLineString readWKBMultiLineString readWKBMultiPoint readWKBMultiPolygon readWKBPoint readWKBPolygon ' +
  'readWKT readWKTLineString readWKTMultiLineString readWKTMultiPoint readWKTMultiPolygon readWKTPoint ' +
  'readWKTPolygon readWKTRing readWkb readWkt regexpExtract regexpPosition regexpQuoteMeta regionHierarchy ' +
  'regionIn regionToArea regionToCity regionToContinent regionToCountry regionToDistrict regionToName ' +
  'regionToPopulation regionToTopContinent reinterpret reinterpretAsDate reinterpretAsDateTime ' +
  'reinterpretAsFixedString reinterpretAsFloat32 reinterpretAsFloat64 reinterpretAsInt128 reinterpretAsInt16 ' +
  'reinterpretAsInt256 reinterpretAsInt32 reinterpretAsInt64 reinterpretAsInt8 reinterpretAsString ' +
  'reinterpretAsUInt128 reinterpretAsUInt16 reinterpretAsUInt256 reinterpretAsUInt32 reinterpretAsUInt64 ' +
  'reinterpretAsUInt8 reinterpretAsUUID removeAccentsUTF8 removeDiacriticsUTF8 replaceAll replaceOne ' +
  'replaceRegexpAll replaceRegexpOne replicate reverseBySeparator reverseUTF8 rightPad rightPadUTF8 rightUTF8 ' +
  'roundAge roundBankers roundDown roundDuration roundToExp2 rowNumberInAllBlocks rowNumberInBlock rtrim ' +
  'runningAccumulate runningConcurrency runningDifference runningDifferenceStartingWithFirstValue ' +
  's2CapContains s2CapUnion s2CellsIntersect s2GetNeighbors s2RectAdd s2RectContains s2RectIntersection ' +
  's2RectUnion s2ToGeo seriesDecomposeSTL seriesOutliersDetectTukey seriesPeriodDetectFFT serverTimeZone ' +
  'serverTimezone serverUUID shardCount shardNum showCertificate sigmoid simpleJSONExtractBool ' +
  'simpleJSONExtractFloat simpleJSONExtractInt simpleJSONExtractRaw simpleJSONExtractString ' +
  'simpleJSONExtractUInt simpleJSONHas sinh sipHash128 sipHash128Keyed sipHash128Reference ' +
  'sipHash128ReferenceKeyed sipHash64 sipHash64Keyed sleep sleepEachRow snowflakeIDToDateTime ' +
  'snowflakeIDToDateTime64 snowflakeToDateTime snowflakeToDateTime64 sparseGrams sparseGramsHashes ' +
  'sparseGramsHashesUTF8 sparseGramsUTF8 splitByAlpha splitByChar splitByNonAlpha splitByRegexp splitByString ' +
  'splitByWhitespace sqid sqidDecode sqidEncode startsWith startsWithCaseInsensitive ' +
  'startsWithCaseInsensitiveUTF8 startsWithUTF8 stem stringBytesEntropy stringBytesUniq stringJaccardIndex ' +
  'stringJaccardIndexUTF8 stringToH3 structureToCapnProtoSchema structureToProtobufSchema subBitmap ' +
  'substringIndex substringIndexUTF8 substringUTF8 subtractDays subtractHours subtractInterval ' +
  'subtractMicroseconds subtractMilliseconds subtractMinutes subtractMonths subtractNanoseconds ' +
  'subtractQuarters subtractSeconds subtractTupleOfIntervals subtractWeeks subtractYears sumburConsistentHash ' +
  'svg synonyms tcpPort tgamma throwIf tid timeSeriesCopyTag timeSeriesCopyTags timeSeriesExtractTag ' +
  'timeSeriesFromGrid timeSeriesGroupToSamplingKey timeSeriesGroupToTags timeSeriesIdToGroup ' +
  'timeSeriesIdToTags timeSeriesIdToTagsGroup timeSeriesJoinTags timeSeriesMetricTypeToSuffixes ' +
  'timeSeriesPrometheusValueToString timeSeriesRange timeSeriesRemoveAllTagsExcept timeSeriesRemoveTag ' +
  'timeSeriesRemoveTags timeSeriesReplaceTag timeSeriesStoreTags timeSeriesTagsGroupToTags ' +
  'timeSeriesTagsToGroup timeSeriesTagsToMap timeSeriesThrowDuplicateSeriesIf timeSlot timeSlots timeZoneOf ' +
  'timeZoneOffset timestampDiff timestamp_diff timezoneOf timezoneOffset toBFloat16 toBFloat16OrNull ' +
  'toBFloat16OrZero toBool toColumnTypeName toDate toDate32 toDate32OrDefault toDate32OrNull toDate32OrZero ' +
  'toDateOrDefault toDateOrNull toDateOrZero toDateTime toDateTime32 toDateTime64 toDateTime64OrDefault ' +
  'toDateTime64OrNull toDateTime64OrZero toDateTimeOrDefault toDateTimeOrNull toDateTimeOrZero toDayOfMonth ' +
  'toDayOfWeek toDayOfYear toDaysInMonth toDaysSinceYearZero toDecimal128 toDecimal128OrDefault ' +
  'toDecimal128OrNull toDecimal128OrZero toDecimal256 toDecimal256OrDefault toDecimal256OrNull ' +
  'toDecimal256OrZero toDecimal32 toDecimal32OrDefault toDecimal32OrNull toDecimal32OrZero toDecimal64 ' +
  'toDecimal64OrDefault toDecimal64OrNull toDecimal64OrZero toFixedString toFloat32 toFloat32OrDefault ' +
  'toFloat32OrNull toFloat32OrZero toFloat64 toFloat64OrDefault toFloat64OrNull toFloat64OrZero toHour toIPv4 ' +
  'toIPv4OrDefault toIPv4OrNull toIPv4OrZero toIPv6 toIPv6OrDefault toIPv6OrNull toIPv6OrZero toISOWeek ' +
  'toISOYear toInt128 toInt128OrDefault toInt128OrNull toInt128OrZero toInt16 toInt16OrDefault toInt16OrNull ' +
  'toInt16OrZero toInt256 toInt256OrDefault toInt256OrNull toInt256OrZero toInt32 toInt32OrDefault ' +
  'toInt32OrNull toInt32OrZero toInt64 toInt64OrDefault toInt64OrNull toInt64OrZero toInt8 toInt8OrDefault ' +
  'toInt8OrNull toInt8OrZero toInterval toIntervalDay toIntervalHour toIntervalMicrosecond ' +
  'toIntervalMillisecond toIntervalMinute toIntervalMonth toIntervalNanosecond toIntervalQuarter ' +
  'toIntervalSecond toIntervalWeek toIntervalYear toJSONString toLastDayOfMonth toLastDayOfWeek ' +
  'toLowCardinality toMicrosecond toMillisecond toMinute toModifiedJulianDay toModifiedJulianDayOrNull ' +
  'toMonday toMonth toMonthNumSinceEpoch toNanosecond toNullable toQuarter toRelativeDayNum toRelativeHourNum ' +
  'toRelativeMinuteNum toRelativeMonthNum toRelativeQuarterNum toRelativeSecondNum toRelativeWeekNum ' +
  'toRelativeYearNum toSecond toStartOfDay toStartOfFifteenMinutes toStartOfFiveMinute toStartOfFiveMinutes ' +
  'toStartOfHour toStartOfISOYear toStartOfInterval toStartOfMicrosecond toStartOfMillisecond toStartOfMinute ' +
  'toStartOfMonth toStartOfNanosecond toStartOfQuarter toStartOfSecond toStartOfTenMinutes toStartOfWeek ' +
  'toStartOfYear toString toStringCutToZero toTime toTime64 toTime64OrNull toTime64OrZero toTimeOrNull ' +
  'toTimeOrZero toTimeWithFixedDate toTimeZone toTimezone toTypeName toUInt128 toUInt128OrDefault ' +
  'toUInt128OrNull toUInt128OrZero toUInt16 toUInt16OrDefault toUInt16OrNull toUInt16OrZero toUInt256 ' +
  'toUInt256OrDefault toUInt256OrNull toUInt256OrZero toUInt32 toUInt32OrDefault toUInt32OrNull toUInt32OrZero ' +
  'toUInt64 toUInt64OrDefault toUInt64OrNull toUInt64OrZero toUInt8 toUInt8OrDefault toUInt8OrNull ' +
  'toUInt8OrZero toUTCTimestamp toUUID toUUIDOrDefault toUUIDOrNull toUUIDOrZero toUnixTimestamp ' +
  'toUnixTimestamp64Micro toUnixTimestamp64Milli toUnixTimestamp64Nano toUnixTimestamp64Second toValidUTF8 ' +
  'toWeek toYYYYMM toYYYYMMDD toYYYYMMDDhhmmss toYear toYearNumSinceEpoch toYearWeek tokenizeQuery tokens ' +
  'tokensForLikePattern topLevelDomain topLevelDomainRFC transactionID transactionLatestSnapshot ' +
  'transactionOldestSnapshot transform translate translateUTF8 trim trimBoth trimLeft trimRight ' +
  'tryBase32Decode tryBase58Decode tryBase64Decode tryBase64URLDecode tryDecrypt tryIdnaEncode ' +
  'tryPunycodeDecode tumble tumbleEnd tumbleStart tuple tupleConcat tupleDivide tupleDivideByNumber ' +
  'tupleElement tupleHammingDistance tupleIntDiv tupleIntDivByNumber tupleIntDivOrZero ' +
  'tupleIntDivOrZeroByNumber tupleMinus tupleModulo tupleModuloByNumber tupleMultiply tupleMultiplyByNumber ' +
  'tupleNames tupleNegate tuplePlus tuplePositiveModuloByNumber tupleToNameValuePairs untuple upperUTF8 uptime ' +
  'validateNestedArraySizes variantElement variantType visibleWidth visitParamExtractBool ' +
  'visitParamExtractFloat visitParamExtractInt visitParamExtractRaw visitParamExtractString ' +
  'visitParamExtractUInt visitParamHas widthBucket wkb wkt wordShingleMinHash wordShingleMinHashArg ' +
  'wordShingleMinHashArgCaseInsensitive wordShingleMinHashArgCaseInsensitiveUTF8 wordShingleMinHashArgUTF8 ' +
  'wordShingleMinHashCaseInsensitive wordShingleMinHashCaseInsensitiveUTF8 wordShingleMinHashUTF8 ' +
  'wordShingleSimHash wordShingleSimHashCaseInsensitive wordShingleSimHashCaseInsensitiveUTF8 ' +
  'wordShingleSimHashUTF8 wyHash64 xor xxHash32 xxHash64 xxHash64Spark xxh3 xxh3_128 yandexConsistentHash ' +
  'yesterday zookeeperSessionUptime';

/** Ordinary functions in any case, here in lower case. */
export const FUNCTIONS_ANY_CASE =
  '_cast abs acos adddate age array_remove array_to_string arraypartialshuffle arrayshuffle ascii asin atan ' +
  'atan2 avg2 bin byteslice byteswap cardinality cast ceil ceiling char char_length character_length chdb ' +
  'coalesce concat concat_ws connection_id connectionid cos countsubstrings crc32 crc32ieee crc64 curdate ' +
  'current_database current_date current_query_id current_schemas current_timestamp current_user ' +
  'currentschemas database date date_add date_bin date_format date_sub date_trunc dateadd datediff datename ' +
  'datesub day dayofmonth dayofweek dayofyear degrees distancecosine distancecosinetransposed distancel1 ' +
  'distancel2 distancel2squared distancel2transposed distancelinf distancelp exp extract factorial ' +
  'firstnondefault flatten floor format_bytes fqdn from_base64 from_days from_unixtime from_utc_timestamp ' +
  'greatest hassubsequence hassubsequencecaseinsensitive hassubsequencecaseinsensitiveutf8 hassubsequenceutf8 ' +
  'hastokencaseinsensitive hastokencaseinsensitiveornull hex hmac hour hypot if ifnull inet6_aton inet6_ntoa ' +
  'inet_aton inet_ntoa initcap initial_query_id initial_query_start_time instr interval ' +
  'ismergetreepartcoveredby isnull json_array_length last_day lcase least left length ln localtime ' +
  'localtimestamp locate log log10 log2 lower lpad ltrim makedate makedate32 makedatetime makedatetime64 max2 ' +
  'mergetreepartinfo microsecond mid midpoint millisecond min2 minute mod modornull month monthname nanosecond ' +
  'natural_sort_key normalizel1 normalizel2 normalizelinf normalizelp norml1 norml2 norml2squared normlinf ' +
  'normlp not now now64 nullif octet_length overlay pg_get_userbyid pg_table_is_visible pggetuserbyid ' +
  'pgtableisvisible pi pmod pmodornull position positive_modulo positive_modulo_or_null positivemodulo ' +
  'positivemoduloornull pow power quarter query_id radians rand regexp_extract regexp_instr regexp_matches ' +
  'regexp_replace regexp_substr regexpinstr repeat replace reverse revision right round rpad rtrim ' +
  'scalarproduct scalarproducttransposed schema second session_user sign sin soundex space sqr sqrt ' +
  'str_to_date str_to_map subdate substr substring substring_index tan tanh time_bucket timediff timestamp ' +
  'timestamp_add timestamp_sub timestampadd timestampsub timezone to_base64 to_days to_unixtime ' +
  'to_utc_timestamp today todecimalstring trim trunc truncate try_cast ucase unbin unhex unnest upper user ' +
  'utc_timestamp utctimestamp vectordifference vectorsum version week width_bucket year yearweek ' +
  'yyyymmddhhmmsstodatetime yyyymmddtodate yyyymmddtodate32';

/** Aggregate and window functions; case matters. */
export const AGGREGATES =
  'MVTEncode ST_AsMVT aggThrow any anyHeavy anyLast anyLastRespectNulls anyLast_respect_nulls anyRespectNulls ' +
  'anyValueRespectNulls any_respect_nulls argAndMax argAndMin argMax argMin avgWeighted boundingRatio ' +
  'categoricalInformationValue contingency corrMatrix corrStable covarPop covarPopMatrix covarPopStable ' +
  'covarSamp covarSampMatrix covarSampStable cramersV cramersVBiasCorrected cume_dist deltaSum ' +
  'deltaSumTimestamp denseRank distinctDynamicTypes distinctJSONPaths distinctJSONPathsAndTypes entropy ' +
  'estimateCompressionRatio exponentialMovingAverage exponentialTimeDecayedAvg exponentialTimeDecayedCount ' +
  'exponentialTimeDecayedMax exponentialTimeDecayedSum firstValueRespectNulls flameGraph gini groupArray ' +
  'groupArrayInsertAt groupArrayIntersect groupArrayLast groupArrayMovingAvg groupArrayMovingSum ' +
  'groupArraySample groupArraySorted groupBitAnd groupBitOr groupBitXor groupBitmap groupBitmapAnd ' +
  'groupBitmapOr groupBitmapXor groupConcat groupFormat groupNumericIndexedVector groupUniqArray ' +
  'hierarchicalKMeans histogram intervalLengthSum kurtPop kurtSamp lagInFrame largestTriangleThreeBuckets ' +
  'lastValueRespectNulls leadInFrame lttb mannWhitneyUTest maxIntersections maxIntersectionsPosition ' +
  'maxMappedArrays meanZTest median medianBFloat16 medianBFloat16Weighted medianDD medianDeterministic ' +
  'medianExact medianExactHigh medianExactLow medianExactWeighted medianExactWeightedInterpolated medianGK ' +
  'medianInterpolatedWeighted medianTDigest medianTDigestWeighted medianTiming medianTimingWeighted ' +
  'mergedJSONPatch minMappedArrays nonNegativeDerivative nothing nothingNull nothingUInt64 percentRank ' +
  'quantile quantileBFloat16 quantileBFloat16Weighted quantileDD quantileDeterministic quantileExact ' +
  'quantileExactExclusive quantileExactHigh quantileExactInclusive quantileExactLow quantileExactWeighted ' +
  'quantileExactWeightedInterpolated quantileGK quantileInterpolatedWeighted quantilePrometheusHistogram ' +
  'quantileTDigest quantileTDigestWeighted quantileTiming quantileTimingWeighted quantiles quantilesBFloat16 ' +
  'quantilesBFloat16Weighted quantilesDD quantilesDeterministic quantilesExact quantilesExactExclusive ' +
  'quantilesExactHigh quantilesExactInclusive quantilesExactLow quantilesExactWeighted ' +
  'quantilesExactWeightedInterpolated quantilesGK quantilesInterpolatedWeighted quantilesPrometheusHistogram ' +
  'quantilesTDigest quantilesTDigestWeighted quantilesTiming quantilesTimingWeighted rankCorr retention ' +
  'sequenceCount sequenceMatch sequenceMatchEvents sequenceNextNode simpleLinearRegression singleValueOrNull ' +
  'skewPop skewSamp sparkBar sparkbar stddevPop stddevPopStable stddevSamp stddevSampStable ' +
  'stochasticLinearRegression stochasticLogisticRegression studentTTest studentTTestOneSample sumCount ' +
  'sumKahan sumMap sumMapFiltered sumMapFilteredWithOverflow sumMapWithOverflow sumMappedArrays ' +
  'sumWithOverflow theilsU timeSeriesAvgToGrid timeSeriesBottomKMasks timeSeriesChangesToGrid ' +
  'timeSeriesCountToGrid timeSeriesDeltaToGrid timeSeriesDerivToGrid timeSeriesGroupArray ' +
  'timeSeriesIncreaseToGrid timeSeriesInstantDeltaToGrid timeSeriesInstantRateToGrid timeSeriesLastToGrid ' +
  'timeSeriesLastTwoSamples timeSeriesLimitKMasks timeSeriesMaxToGrid timeSeriesMinToGrid ' +
  'timeSeriesPredictLinearToGrid timeSeriesRateToGrid timeSeriesResampleToGridWithStaleness ' +
  'timeSeriesResetsToGrid timeSeriesSumToGrid timeSeriesTimestampOfMaxToGrid timeSeriesTimestampOfMinToGrid ' +
  'timeSeriesTopKMasks topK topKWeighted uniq uniqCombined uniqCombined64 uniqExact uniqHLL12 uniqUpTo varPop ' +
  'varPopStable varSamp varSampStable welchTTest windowFunnel';

/** Aggregate and window functions in any case, here in lower case. */
export const AGGREGATES_ANY_CASE =
  'analysisofvariance anova any_value any_value_respect_nulls approx_top_count approx_top_k approx_top_sum ' +
  'array_agg array_concat_agg avg bit_and bit_or bit_xor corr count covar_pop covar_samp dense_rank ' +
  'first_value first_value_respect_nulls group_concat kolmogorovsmirnovtest lag last_value ' +
  'last_value_respect_nulls lead max max_by min min_by nth_value ntile percent_rank rank regr_avgx regr_avgy ' +
  'regr_count regr_intercept regr_r2 regr_slope regr_sxx regr_sxy regr_syy row_number std stddev stddev_pop ' +
  'stddev_samp string_agg sum var_pop var_samp';
