// Made by scripts/provider-tables.mjs from the service models in botocore 1.44.5: do not edit by hand.

/** First label of the host, names that signatures give the service, kinds of protocol. */
export const AWS_SERVICES = `
a2i-runtime.sagemaker sagemaker rest
access-analyzer access-analyzer rest
account account rest
account-access account-access rest
account-access-runtime account-access rest
acm acm json
acm-pca acm-pca cbor,json
aco-automation aco-automation cbor,json
admin.wickr wickr rest
agent-registry agent-registry rest
agent-registry-control agent-registry rest
agreement-marketplace aws-marketplace cbor,json
aidevops aidevops rest
aiops aiops rest
airflow airflow rest
airflow-serverless airflow-serverless json
amplify amplify rest
amplifybackend amplifybackend rest
amplifyuibuilder amplifyuibuilder rest
aoss aoss json
api.detective detective rest
api.ecr ecr json
api.ecr-public ecr-public json
api.iotdeviceadvisor iotdeviceadvisor rest
api.iotmanagedintegrations iotmanagedintegrations rest
api.iotwireless iotwireless rest
api.mediatailor mediatailor rest
api.pricing pricing json
api.sagemaker sagemaker json
api.tunneling.iot IoTSecuredTunneling json
apigateway apigateway rest
app-integrations app-integrations rest
appconfig appconfig rest
appconfigdata appconfig rest
appfabric appfabric rest
appflow appflow rest
application-autoscaling application-autoscaling json
application-cost-profiler application-cost-profiler rest
application-signals application-signals rest
applicationinsights applicationinsights cbor,json
appmesh appmesh rest
apprunner apprunner json
appstream2 appstream cbor,json
appsync appsync rest
aps aps rest
arc-region-switch arc-region-switch cbor,json
arc-zonal-shift arc-zonal-shift rest
artifact artifact rest
athena athena json
auditmanager auditmanager rest
autoscaling autoscaling query
autoscaling-plans autoscaling-plans json
b2bi b2bi json
backup backup rest
backup-gateway backup-gateway cbor,json
backup-search backup-search rest
batch batch rest
bcm-dashboards bcm-dashboards json
bcm-data-exports bcm-data-exports json
bcm-pricing-calculator bcm-pricing-calculator json
bcm-recommended-actions bcm-recommended-actions json
bedrock bedrock rest
bedrock-agent bedrock rest
bedrock-agent-runtime bedrock rest
bedrock-agentcore bedrock-agentcore rest
bedrock-agentcore-control bedrock-agentcore rest
bedrock-data-automation bedrock rest
bedrock-data-automation-runtime bedrock json
bedrock-runtime bedrock rest
billing billing json
billingconductor billingconductor rest
braket braket rest
budgets budgets json
cases cases rest
cassandra cassandra cbor,json
cassandra-streams cassandra json
catalog.marketplace aws-marketplace rest
ce ce json
chatbot chatbot rest
chime chime rest
cleanrooms cleanrooms rest
cleanrooms-ml cleanrooms-ml rest
cloud9 cloud9 json
cloudcontrolapi cloudcontrolapi json
clouddirectory clouddirectory rest
cloudformation cloudformation query
cloudfront cloudfront rest
cloudfront-keyvaluestore cloudfront-keyvaluestore rest
cloudhsm cloudhsm json
cloudhsmv2 cloudhsm cbor,json
cloudsearch cloudsearch query
cloudsearchdomain cloudsearch rest
cloudtrail cloudtrail json
cloudtrail-data cloudtrail-data rest
cloudwatch-omni cloudwatch cbor
codeartifact codeartifact rest
codebuild codebuild cbor,json
codecatalyst codecatalyst rest
codecommit codecommit json
codeconnections codeconnections cbor,json
codedeploy codedeploy cbor,json
codeguru-profiler codeguru-profiler rest
codeguru-reviewer codeguru-reviewer rest
codeguru-security codeguru-security rest
codepipeline codepipeline cbor,json
codestar-connections codestar-connections json
codestar-notifications codestar-notifications rest
cognito-identity cognito-identity json
cognito-idp cognito-idp json
cognito-sync cognito-sync rest
comprehend comprehend cbor,json
comprehendmedical comprehendmedical cbor,json
compute-optimizer compute-optimizer cbor,json
config config json
connect connect rest
connect-campaigns connect-campaigns rest
contact-lens connect rest
continuum continuum rest
controlcatalog controlcatalog rest
controlplane.payment-cryptography payment-cryptography json
controltower controltower rest
cost-optimization-hub cost-optimization-hub json
cur cur json
data-ats.iot iotdata rest
data-signer signer rest
data.jobs.iot iot-jobs-data rest
data.mediastore mediastore rest
data.qapps qapps rest
databrew databrew rest
dataexchange dataexchange rest
datapipeline datapipeline json
dataplane.payment-cryptography payment-cryptography rest
datasync datasync cbor,json
datazone datazone rest
dax dax json
deadline deadline rest
deployment-marketplace aws-marketplace rest
devicefarm devicefarm json
devops-guru devops-guru rest
directconnect directconnect cbor,json
discovery discovery json
discovery-marketplace aws-marketplace rest
dlm dlm rest
dms dms json
docdb-elastic docdb-elastic rest
drs drs rest
ds ds cbor,json
ds-data ds-data rest
dsql dsql rest
dynamodb dynamodb json
ebs ebs rest
ec2 ec2 query
ec2-instance-connect ec2-instance-connect json
ecs ecs json
edge.sagemaker sagemaker rest
eks eks rest
eks-auth eks-auth rest
elasticache elasticache query
elasticbeanstalk elasticbeanstalk query
elasticfilesystem elasticfilesystem rest
elasticloadbalancing elasticloadbalancing query
elasticmapreduce elasticmapreduce json
elemental-inference elemental-inference rest
email ses query,rest
emr-containers emr-containers rest
emr-serverless emr-serverless rest
end-user-messaging end-user-messaging rest
entitlement.marketplace aws-marketplace cbor,json
entityresolution entityresolution rest
es es rest
events events json
eventsv2 events cbor
evs evs json
execute-api execute-api rest
featurestore-runtime.sagemaker sagemaker rest
firehose firehose json
fis fis rest
fms fms cbor,json
forecast forecast json
forecastquery forecast json
frauddetector frauddetector json
freetier freetier json
fsx fsx json
gamelift gamelift cbor,json
gameliftstreams gameliftstreams rest
geo geo rest
geo-maps geo-maps rest
geo-places geo-places rest
geo-routes geo-routes rest
glacier glacier rest
globalaccelerator globalaccelerator json
glue glue json
grafana grafana rest
greengrass greengrass rest
groundstation groundstation rest
guardduty guardduty rest
health health cbor,json
health-agent health-agent rest
healthlake healthlake json
iam iam query
iam-toolbox iam rest
identity-chime chime rest
identitystore identitystore json
imagebuilder imagebuilder rest
importexport importexport query
inferencerouter-runtime.sagemaker sagemaker rest
ingest.timestream timestream json
inspector inspector json
inspector-scan inspector-scan rest
inspector2 inspector2 rest
interconnect interconnect cbor,json
internetmonitor internetmonitor rest
invoicing invoicing json
iot iot rest
iotfleetwise iotfleetwise json
iotsitewise iotsitewise rest
iotthingsgraph iotthingsgraph json
iottwinmaker iottwinmaker rest
ivs ivs rest
ivschat ivschat rest
ivsrealtime ivs rest
job-runtime.sagemaker sagemaker rest
kafka kafka rest
kafkaconnect kafkaconnect rest
kendra kendra json
kendra-ranking kendra-ranking cbor,json
kinesis kinesis json
kinesisanalytics kinesisanalytics json
kinesisvideo kinesisvideo rest
kms kms json
lakeformation lakeformation rest
lambda lambda rest
launchwizard launchwizard rest
license-manager license-manager json
license-manager-linux-subscriptions license-manager-linux-subscriptions rest
license-manager-user-subscriptions license-manager-user-subscriptions rest
lightsail lightsail json
logs logs json
lookoutequipment lookoutequipment json
m2 m2 rest
machinelearning machinelearning json
macie2 macie2 rest
mail-manager ses cbor,json
managedblockchain managedblockchain rest
managedblockchain-query managedblockchain-query rest
marketplacecommerceanalytics marketplacecommerceanalytics json
media-pipelines-chime chime rest
mediaconnect mediaconnect rest
mediaconvert mediaconvert rest
medialive medialive rest
mediapackage mediapackage rest
mediapackage-vod mediapackage-vod rest
mediapackagev2 mediapackagev2 rest
mediastore mediastore json
medical-imaging medical-imaging rest
meetings-chime chime rest
memory-db memorydb cbor,json
messaging-chime chime rest
metering.marketplace aws-marketplace json
metrics.sagemaker sagemaker rest
mgh mgh json
mgn mgn rest
migrationhub-config mgh json
migrationhub-orchestrator migrationhub-orchestrator rest
migrationhub-strategy migrationhub-strategy rest
models-v2-lex lex rest
models.lex lex rest
monitoring monitoring cbor,json,query
mpa mpa rest
mq mq rest
mturk-requester mturk-requester json
neptune-db neptune-db rest
neptune-graph neptune-graph rest
network-firewall network-firewall cbor,json
network-security-manager network-security-manager rest
networkflowmonitor networkflowmonitor rest
networkmanager networkmanager rest
networkmonitor networkmonitor rest
notifications notifications rest
notifications-contacts notifications-contacts rest
nova-act nova-act rest
oam oam rest
observabilityadmin observabilityadmin rest
odb odb json
oidc sso-oauth rest
omics omics rest
organizations organizations json
osis osis rest
osm osm json
outposts outposts rest
participant.connect execute-api rest
partnercentral-account partnercentral-account json
partnercentral-benefits partnercentral-benefits json
partnercentral-channel partnercentral-channel json
partnercentral-prm partnercentral cbor
partnercentral-selling partnercentral-selling json
pca-connector-ad pca-connector-ad rest
pca-connector-scep pca-connector-scep rest
pcs pcs json
personalize personalize json
personalize-events personalize rest
personalize-runtime personalize rest
pi pi cbor,json
pinpoint mobiletargeting rest
pipes pipes rest
polly polly rest
portal.sso awsssoportal rest
pricingplanmanager pricingplanmanager rest
profile profile rest
proton proton json
qbusiness qbusiness rest
query.timestream timestream json
quicksight quicksight rest
ram ram rest
rbin rbin rest
rds rds query
rds-data rds-data rest
redshift redshift query
redshift-data redshift-data json
redshift-serverless redshift-serverless json
refactor-spaces refactor-spaces rest
rekognition rekognition json
reporting-marketplace aws-marketplace rest
repostspace repostspace rest
resiliencehub resiliencehub rest
resource-explorer-2 resource-explorer-2 rest
resource-groups resource-groups rest
rolesanywhere rolesanywhere rest
route53 route53 rest
route53-recovery-cluster route53-recovery-cluster json
route53-recovery-control-config route53-recovery-control-config rest
route53-recovery-readiness route53-recovery-readiness rest
route53domains route53domains cbor,json
route53globalresolver route53globalresolver rest
route53profiles route53profiles rest
route53resolver route53resolver json
rtbfabric rtbfabric rest
rum rum rest
runtime-v2-lex lex rest
runtime.lex lex rest
runtime.sagemaker sagemaker rest
s3 s3 rest
s3-control s3 rest
s3-outposts s3-outposts rest
s3files s3files rest
s3tables s3tables rest
s3vectors s3vectors rest
sagemaker-geospatial sagemaker-geospatial rest
savingsplans savingsplans rest
scheduler scheduler rest
schemas schemas rest
scn scn rest
sdb sdb query,rest
secretsmanager secretsmanager json
security-ir security-ir rest
securityagent securityagent rest
securityhub securityhub rest
securitylake securitylake rest
serverlessrepo serverlessrepo rest
servicecatalog servicecatalog cbor,json
servicecatalog-appregistry servicecatalog rest
servicediscovery servicediscovery cbor,json
servicequotas servicequotas json
shield shield cbor,json
signer signer rest
signin signin rest
sms-voice sms-voice json
sms-voice.pinpoint sms-voice rest
snow-device-management snow-device-management rest
snowball snowball cbor,json
sns sns query
social-messaging social-messaging rest
sqs sqs json
ssm ssm json
ssm-contacts ssm-contacts json
ssm-guiconnect ssm-guiconnect rest
ssm-incidents ssm-incidents rest
ssm-quicksetup ssm-quicksetup rest
ssm-sap ssm-sap rest
sso sso json
states states json
storagegateway storagegateway json
streams.dynamodb dynamodb json
sts sts query
support support json
supportapp supportapp rest
supportauthz supportauthz rest
sustainability sustainability rest
swf swf json
synthetics synthetics rest
tagging tagging cbor,json
tax tax rest
textract textract cbor,json
thinclient thinclient rest
timestream-influxdb timestream-influxdb json
training-session-runtime.sagemaker sagemaker rest
transcribe transcribe cbor,json
transfer transfer json
translate translate cbor,json
trustedadvisor trustedadvisor rest
uxc uxc rest
verifiedpermissions verifiedpermissions json
voice-chime chime rest
voiceid voiceid json
vpc-lattice vpc-lattice rest
waf waf json
waf-regional waf-regional json
wafv2 wafv2 json
wellarchitected wellarchitected rest
wisdom wisdom rest
workdocs workdocs rest
workmail workmail json
workmailmessageflow workmailmessageflow rest
workspaces workspaces cbor,json
workspaces-instances workspaces-instances cbor,json
workspaces-web workspaces-web rest
xray xray rest
`;

/** By first label of the host: paths, some with a query. */
export const AWS_REST = `
# access-analyzer
/access-preview GET=ListAccessPreviews PUT=CreateAccessPreview
/access-preview/* GET=GetAccessPreview POST=ListAccessPreviewFindings
/analyzed-resource GET=GetAnalyzedResource POST=ListAnalyzedResources
/analyzer GET=ListAnalyzers PUT=CreateAnalyzer
/analyzer/* DELETE=DeleteAnalyzer GET=GetAnalyzer PUT=UpdateAnalyzer
/analyzer/*/archive-rule GET=ListArchiveRules PUT=CreateArchiveRule
/analyzer/*/archive-rule/* DELETE=DeleteArchiveRule GET=GetArchiveRule PUT=UpdateArchiveRule
/analyzer/findings/statistics POST=GetFindingsStatistics
/archive-rule PUT=ApplyArchiveRule
/finding POST=ListFindings PUT=UpdateFindings
/finding/* GET=GetFinding
/findingv2 POST=ListFindingsV2
/findingv2/* GET=GetFindingV2
/policy/check-access-not-granted POST=CheckAccessNotGranted
/policy/check-no-new-access POST=CheckNoNewAccess
/policy/check-no-public-access POST=CheckNoPublicAccess
/policy/generation GET=ListPolicyGenerations PUT=StartPolicyGeneration
/policy/generation/* GET=GetGeneratedPolicy PUT=CancelPolicyGeneration
/policy/validation POST=ValidatePolicy
/recommendation/* GET=GetFindingRecommendation POST=GenerateFindingRecommendation
/resource/scan POST=StartResourceScan
/service-linked-analyzer PUT=CreateServiceLinkedAnalyzer
/service-linked-analyzer/* DELETE=DeleteServiceLinkedAnalyzer
/tags/* DELETE=UntagResource GET=ListTagsForResource POST=TagResource
# account
/acceptPrimaryEmailUpdate POST=AcceptPrimaryEmailUpdate
/deleteAlternateContact POST=DeleteAlternateContact
/disableRegion POST=DisableRegion
/enableRegion POST=EnableRegion
/getAccountInformation POST=GetAccountInformation
/getAlternateContact POST=GetAlternateContact
/getContactInformation POST=GetContactInformation
/getGovCloudAccountInformation POST=GetGovCloudAccountInformation
/getPrimaryEmail POST=GetPrimaryEmail
/getPrimaryEmailUpdateStatus POST=GetPrimaryEmailUpdateStatus
/getRegionOptStatus POST=GetRegionOptStatus
/listRegions POST=ListRegions
/putAccountName POST=PutAccountName
/putAlternateContact POST=PutAlternateContact
/putContactInformation POST=PutContactInformation
/sendPhoneNumberVerification POST=SendPhoneNumberVerification
/startPrimaryEmailUpdate POST=StartPrimaryEmailUpdate
/verifyPhoneNumber POST=VerifyPhoneNumber
# airflow
/clitoken/* POST=CreateCliToken
/environments GET=ListEnvironments
/environments/* DELETE=DeleteEnvironment GET=GetEnvironment PATCH=UpdateEnvironment PUT=CreateEnvironment
/metrics/environments/* POST=PublishMetrics
/restapi/* POST=InvokeRestApi
/tags/* DELETE=UntagResource GET=ListTagsForResource POST=TagResource
/webtoken/* POST=CreateWebLoginToken
# amplify
/apps GET=ListApps POST=CreateApp
/apps/* DELETE=DeleteApp GET=GetApp POST=UpdateApp
/apps/*/accesslogs POST=GenerateAccessLogs
/apps/*/backendenvironments GET=ListBackendEnvironments POST=CreateBackendEnvironment
/apps/*/backendenvironments/* DELETE=DeleteBackendEnvironment GET=GetBackendEnvironment
/apps/*/branches GET=ListBranches POST=CreateBranch
/apps/*/branches/* DELETE=DeleteBranch GET=GetBranch POST=UpdateBranch
/apps/*/branches/*/deployments POST=CreateDeployment
/apps/*/branches/*/deployments/start POST=StartDeployment
/apps/*/branches/*/jobs GET=ListJobs POST=StartJob
/apps/*/branches/*/jobs/* DELETE=DeleteJob GET=GetJob
/apps/*/branches/*/jobs/*/artifacts GET=ListArtifacts
/apps/*/branches/*/jobs/*/stop DELETE=StopJob
/apps/*/domains GET=ListDomainAssociations POST=CreateDomainAssociation
/apps/*/domains/* DELETE=DeleteDomainAssociation GET=GetDomainAssociation POST=UpdateDomainAssociation
/apps/*/webhooks GET=ListWebhooks POST=CreateWebhook
/artifacts/* GET=GetArtifactUrl
/tags/* DELETE=UntagResource GET=ListTagsForResource POST=TagResource
/webhooks/* DELETE=DeleteWebhook GET=GetWebhook POST=UpdateWebhook
# apigateway
/account GET=GetAccount PATCH=UpdateAccount
/apikeys GET=GetApiKeys POST=CreateApiKey
/apikeys/* DELETE=DeleteApiKey GET=GetApiKey PATCH=UpdateApiKey
/apikeys?mode=import POST=ImportApiKeys
/clientcertificates GET=GetClientCertificates POST=GenerateClientCertificate
/clientcertificates/* DELETE=DeleteClientCertificate GET=GetClientCertificate PATCH=UpdateClientCertificate
/domainnameaccessassociations GET=GetDomainNameAccessAssociations POST=CreateDomainNameAccessAssociation
/domainnameaccessassociations/* DELETE=DeleteDomainNameAccessAssociation
/domainnames GET=GetDomainNames POST=CreateDomainName
/domainnames/* DELETE=DeleteDomainName GET=GetDomainName PATCH=UpdateDomainName
/domainnames/*/basepathmappings GET=GetBasePathMappings POST=CreateBasePathMapping
/domainnames/*/basepathmappings/* DELETE=DeleteBasePathMapping GET=GetBasePathMapping PATCH=UpdateBasePathMapping
/rejectdomainnameaccessassociations POST=RejectDomainNameAccessAssociation
/restapis GET=GetRestApis POST=CreateRestApi
/restapis/* DELETE=DeleteRestApi GET=GetRestApi PATCH=UpdateRestApi PUT=PutRestApi
/restapis/*/authorizers GET=GetAuthorizers POST=CreateAuthorizer
/restapis/*/authorizers/* DELETE=DeleteAuthorizer GET=GetAuthorizer PATCH=UpdateAuthorizer POST=TestInvokeAuthorizer
/restapis/*/deployments GET=GetDeployments POST=CreateDeployment
/restapis/*/deployments/* DELETE=DeleteDeployment GET=GetDeployment PATCH=UpdateDeployment
/restapis/*/documentation/parts GET=GetDocumentationParts POST=CreateDocumentationPart PUT=ImportDocumentationParts
/restapis/*/documentation/parts/* DELETE=DeleteDocumentationPart GET=GetDocumentationPart PATCH=UpdateDocumentationPart
/restapis/*/documentation/versions GET=GetDocumentationVersions POST=CreateDocumentationVersion
/restapis/*/documentation/versions/* DELETE=DeleteDocumentationVersion GET=GetDocumentationVersion PATCH=UpdateDocumentationVersion
/restapis/*/gatewayresponses GET=GetGatewayResponses
/restapis/*/gatewayresponses/* DELETE=DeleteGatewayResponse GET=GetGatewayResponse PATCH=UpdateGatewayResponse PUT=PutGatewayResponse
/restapis/*/models GET=GetModels POST=CreateModel
/restapis/*/models/* DELETE=DeleteModel GET=GetModel PATCH=UpdateModel
/restapis/*/models/*/default_template GET=GetModelTemplate
/restapis/*/requestvalidators GET=GetRequestValidators POST=CreateRequestValidator
/restapis/*/requestvalidators/* DELETE=DeleteRequestValidator GET=GetRequestValidator PATCH=UpdateRequestValidator
/restapis/*/resources GET=GetResources
/restapis/*/resources/* DELETE=DeleteResource GET=GetResource PATCH=UpdateResource POST=CreateResource
/restapis/*/resources/*/methods/* DELETE=DeleteMethod GET=GetMethod PATCH=UpdateMethod POST=TestInvokeMethod PUT=PutMethod
/restapis/*/resources/*/methods/*/integration DELETE=DeleteIntegration GET=GetIntegration PATCH=UpdateIntegration PUT=PutIntegration
/restapis/*/resources/*/methods/*/integration/responses/* DELETE=DeleteIntegrationResponse GET=GetIntegrationResponse PATCH=UpdateIntegrationResponse PUT=PutIntegrationResponse
/restapis/*/resources/*/methods/*/responses/* DELETE=DeleteMethodResponse GET=GetMethodResponse PATCH=UpdateMethodResponse PUT=PutMethodResponse
/restapis/*/stages GET=GetStages POST=CreateStage
/restapis/*/stages/* DELETE=DeleteStage GET=GetStage PATCH=UpdateStage
/restapis/*/stages/*/cache/authorizers DELETE=FlushStageAuthorizersCache
/restapis/*/stages/*/cache/data DELETE=FlushStageCache
/restapis/*/stages/*/exports/* GET=GetExport
/restapis/*/stages/*/sdks/* GET=GetSdk
/restapis?mode=import POST=ImportRestApi
/sdktypes GET=GetSdkTypes
/sdktypes/* GET=GetSdkType
/tags/* DELETE=UntagResource GET=GetTags PUT=TagResource
/usageplans GET=GetUsagePlans POST=CreateUsagePlan
/usageplans/* DELETE=DeleteUsagePlan GET=GetUsagePlan PATCH=UpdateUsagePlan
/usageplans/*/keys GET=GetUsagePlanKeys POST=CreateUsagePlanKey
/usageplans/*/keys/* DELETE=DeleteUsagePlanKey GET=GetUsagePlanKey
/usageplans/*/keys/*/usage PATCH=UpdateUsage
/usageplans/*/usage GET=GetUsage
/v2/apis GET=GetApis POST=CreateApi PUT=ImportApi
/v2/apis/* DELETE=DeleteApi GET=GetApi PATCH=UpdateApi PUT=ReimportApi
/v2/apis/*/authorizers GET=GetAuthorizers POST=CreateAuthorizer
/v2/apis/*/authorizers/* DELETE=DeleteAuthorizer GET=GetAuthorizer PATCH=UpdateAuthorizer
/v2/apis/*/cors DELETE=DeleteCorsConfiguration
/v2/apis/*/deployments GET=GetDeployments POST=CreateDeployment
/v2/apis/*/deployments/* DELETE=DeleteDeployment GET=GetDeployment PATCH=UpdateDeployment
/v2/apis/*/exports/* GET=ExportApi
/v2/apis/*/integrations GET=GetIntegrations POST=CreateIntegration
/v2/apis/*/integrations/* DELETE=DeleteIntegration GET=GetIntegration PATCH=UpdateIntegration
/v2/apis/*/integrations/*/integrationresponses GET=GetIntegrationResponses POST=CreateIntegrationResponse
/v2/apis/*/integrations/*/integrationresponses/* DELETE=DeleteIntegrationResponse GET=GetIntegrationResponse PATCH=UpdateIntegrationResponse
/v2/apis/*/models GET=GetModels POST=CreateModel
/v2/apis/*/models/* DELETE=DeleteModel GET=GetModel PATCH=UpdateModel
/v2/apis/*/models/*/template GET=GetModelTemplate
/v2/apis/*/routes GET=GetRoutes POST=CreateRoute
/v2/apis/*/routes/* DELETE=DeleteRoute GET=GetRoute PATCH=UpdateRoute
/v2/apis/*/routes/*/requestparameters/* DELETE=DeleteRouteRequestParameter
/v2/apis/*/routes/*/routeresponses GET=GetRouteResponses POST=CreateRouteResponse
/v2/apis/*/routes/*/routeresponses/* DELETE=DeleteRouteResponse GET=GetRouteResponse PATCH=UpdateRouteResponse
/v2/apis/*/stages GET=GetStages POST=CreateStage
/v2/apis/*/stages/* DELETE=DeleteStage GET=GetStage PATCH=UpdateStage
/v2/apis/*/stages/*/accesslogsettings DELETE=DeleteAccessLogSettings
/v2/apis/*/stages/*/cache/authorizers DELETE=ResetAuthorizersCache
/v2/apis/*/stages/*/routesettings/* DELETE=DeleteRouteSettings
/v2/domainnames GET=GetDomainNames POST=CreateDomainName
/v2/domainnames/* DELETE=DeleteDomainName GET=GetDomainName PATCH=UpdateDomainName
/v2/domainnames/*/apimappings GET=GetApiMappings POST=CreateApiMapping
/v2/domainnames/*/apimappings/* DELETE=DeleteApiMapping GET=GetApiMapping PATCH=UpdateApiMapping
/v2/domainnames/*/routingrules GET=ListRoutingRules POST=CreateRoutingRule
/v2/domainnames/*/routingrules/* DELETE=DeleteRoutingRule GET=GetRoutingRule PUT=PutRoutingRule
/v2/portalproducts GET=ListPortalProducts POST=CreatePortalProduct
/v2/portalproducts/* DELETE=DeletePortalProduct GET=GetPortalProduct PATCH=UpdatePortalProduct
/v2/portalproducts/*/productpages GET=ListProductPages POST=CreateProductPage
/v2/portalproducts/*/productpages/* DELETE=DeleteProductPage GET=GetProductPage PATCH=UpdateProductPage
/v2/portalproducts/*/productrestendpointpages GET=ListProductRestEndpointPages POST=CreateProductRestEndpointPage
/v2/portalproducts/*/productrestendpointpages/* DELETE=DeleteProductRestEndpointPage GET=GetProductRestEndpointPage PATCH=UpdateProductRestEndpointPage
/v2/portalproducts/*/sharingpolicy DELETE=DeletePortalProductSharingPolicy GET=GetPortalProductSharingPolicy PUT=PutPortalProductSharingPolicy
/v2/portals GET=ListPortals POST=CreatePortal
/v2/portals/* DELETE=DeletePortal GET=GetPortal PATCH=UpdatePortal
/v2/portals/*/preview POST=PreviewPortal
/v2/portals/*/publish DELETE=DisablePortal POST=PublishPortal
/v2/tags/* DELETE=UntagResource GET=GetTags POST=TagResource
/v2/vpclinks GET=GetVpcLinks POST=CreateVpcLink
/v2/vpclinks/* DELETE=DeleteVpcLink GET=GetVpcLink PATCH=UpdateVpcLink
/vpclinks GET=GetVpcLinks POST=CreateVpcLink
/vpclinks/* DELETE=DeleteVpcLink GET=GetVpcLink PATCH=UpdateVpcLink
# appconfig
/applications GET=ListApplications POST=CreateApplication
/applications/* DELETE=DeleteApplication GET=GetApplication PATCH=UpdateApplication
/applications/*/configurationprofiles GET=ListConfigurationProfiles POST=CreateConfigurationProfile
/applications/*/configurationprofiles/* DELETE=DeleteConfigurationProfile GET=GetConfigurationProfile PATCH=UpdateConfigurationProfile
/applications/*/configurationprofiles/*/hostedconfigurationversions GET=ListHostedConfigurationVersions POST=CreateHostedConfigurationVersion
/applications/*/configurationprofiles/*/hostedconfigurationversions/* DELETE=DeleteHostedConfigurationVersion GET=GetHostedConfigurationVersion
/applications/*/configurationprofiles/*/validators POST=ValidateConfiguration
/applications/*/environments GET=ListEnvironments POST=CreateEnvironment
/applications/*/environments/* DELETE=DeleteEnvironment GET=GetEnvironment PATCH=UpdateEnvironment
/applications/*/environments/*/configurations/* GET=GetConfiguration
/applications/*/environments/*/deployments GET=ListDeployments POST=StartDeployment
/applications/*/environments/*/deployments/* DELETE=StopDeployment GET=GetDeployment
/applications/*/experimentdefinitions POST=CreateExperimentDefinition
/applications/*/experimentdefinitions/* DELETE=DeleteExperimentDefinition GET=GetExperimentDefinition PATCH=UpdateExperimentDefinition
/applications/*/experimentdefinitions/*/experimentruns GET=ListExperimentRuns POST=StartExperimentRun
/applications/*/experimentdefinitions/*/experimentruns/* GET=GetExperimentRun
/applications/*/experimentdefinitions/*/experimentruns/*/events GET=ListExperimentRunEvents
/applications/*/experimentdefinitions/*/experimentruns/*/stop PATCH=StopExperimentRun
/applications/*/experimentdefinitions/*/experimentruns/*/update PATCH=UpdateExperimentRun
/deployementstrategies/* DELETE=DeleteDeploymentStrategy
/deploymentstrategies GET=ListDeploymentStrategies POST=CreateDeploymentStrategy
/deploymentstrategies/* GET=GetDeploymentStrategy PATCH=UpdateDeploymentStrategy
/experimentdefinitions GET=ListExperimentDefinitions
/extensionassociations GET=ListExtensionAssociations POST=CreateExtensionAssociation
/extensionassociations/* DELETE=DeleteExtensionAssociation GET=GetExtensionAssociation PATCH=UpdateExtensionAssociation
/extensions GET=ListExtensions POST=CreateExtension
/extensions/* DELETE=DeleteExtension GET=GetExtension PATCH=UpdateExtension
/settings GET=GetAccountSettings PATCH=UpdateAccountSettings
/tags/* DELETE=UntagResource GET=ListTagsForResource POST=TagResource
# appconfigdata
/configuration GET=GetLatestConfiguration
/configurationsessions POST=StartConfigurationSession
# appsync
/v1/apis GET=ListGraphqlApis POST=CreateGraphqlApi
/v1/apis/* DELETE=DeleteGraphqlApi GET=GetGraphqlApi POST=UpdateGraphqlApi
/v1/apis/*/ApiCaches DELETE=DeleteApiCache GET=GetApiCache POST=CreateApiCache
/v1/apis/*/ApiCaches/update POST=UpdateApiCache
/v1/apis/*/FlushCache DELETE=FlushApiCache
/v1/apis/*/apikeys GET=ListApiKeys POST=CreateApiKey
/v1/apis/*/apikeys/* DELETE=DeleteApiKey POST=UpdateApiKey
/v1/apis/*/datasources GET=ListDataSources POST=CreateDataSource
/v1/apis/*/datasources/* DELETE=DeleteDataSource GET=GetDataSource POST=UpdateDataSource
/v1/apis/*/environmentVariables GET=GetGraphqlApiEnvironmentVariables PUT=PutGraphqlApiEnvironmentVariables
/v1/apis/*/functions GET=ListFunctions POST=CreateFunction
/v1/apis/*/functions/* DELETE=DeleteFunction GET=GetFunction POST=UpdateFunction
/v1/apis/*/functions/*/resolvers GET=ListResolversByFunction
/v1/apis/*/schema GET=GetIntrospectionSchema
/v1/apis/*/schemacreation GET=GetSchemaCreationStatus POST=StartSchemaCreation
/v1/apis/*/sourceApiAssociations GET=ListSourceApiAssociations
/v1/apis/*/types GET=ListTypes POST=CreateType
/v1/apis/*/types/* DELETE=DeleteType GET=GetType POST=UpdateType
/v1/apis/*/types/*/resolvers GET=ListResolvers POST=CreateResolver
/v1/apis/*/types/*/resolvers/* DELETE=DeleteResolver GET=GetResolver POST=UpdateResolver
/v1/dataplane-evaluatecode POST=EvaluateCode
/v1/dataplane-evaluatetemplate POST=EvaluateMappingTemplate
/v1/datasources/introspections POST=StartDataSourceIntrospection
/v1/datasources/introspections/* GET=GetDataSourceIntrospection
/v1/domainnames GET=ListDomainNames POST=CreateDomainName
/v1/domainnames/* DELETE=DeleteDomainName GET=GetDomainName POST=UpdateDomainName
/v1/domainnames/*/apiassociation DELETE=DisassociateApi GET=GetApiAssociation POST=AssociateApi
/v1/mergedApis/*/sourceApiAssociations POST=AssociateSourceGraphqlApi
/v1/mergedApis/*/sourceApiAssociations/* DELETE=DisassociateSourceGraphqlApi GET=GetSourceApiAssociation POST=UpdateSourceApiAssociation
/v1/mergedApis/*/sourceApiAssociations/*/merge POST=StartSchemaMerge
/v1/mergedApis/*/sourceApiAssociations/*/types GET=ListTypesByAssociation
/v1/sourceApis/*/mergedApiAssociations POST=AssociateMergedGraphqlApi
/v1/sourceApis/*/mergedApiAssociations/* DELETE=DisassociateMergedGraphqlApi
/v1/tags/* DELETE=UntagResource GET=ListTagsForResource POST=TagResource
/v2/apis GET=ListApis POST=CreateApi
/v2/apis/* DELETE=DeleteApi GET=GetApi POST=UpdateApi
/v2/apis/*/channelNamespaces GET=ListChannelNamespaces POST=CreateChannelNamespace
/v2/apis/*/channelNamespaces/* DELETE=DeleteChannelNamespace GET=GetChannelNamespace POST=UpdateChannelNamespace
# backup
/account-settings GET=DescribeRegionSettings PUT=UpdateRegionSettings
/audit/backup-job-summaries GET=ListBackupJobSummaries
/audit/copy-job-summaries GET=ListCopyJobSummaries
/audit/frameworks GET=ListFrameworks POST=CreateFramework
/audit/frameworks/* DELETE=DeleteFramework GET=DescribeFramework PUT=UpdateFramework
/audit/report-jobs GET=ListReportJobs
/audit/report-jobs/* GET=DescribeReportJob POST=StartReportJob
/audit/report-plans GET=ListReportPlans POST=CreateReportPlan
/audit/report-plans/* DELETE=DeleteReportPlan GET=DescribeReportPlan PUT=UpdateReportPlan
/audit/restore-job-summaries GET=ListRestoreJobSummaries
/audit/scan-job-summaries GET=ListScanJobSummaries
/backup-access-point GET=ListBackupAccessPoints
/backup-access-point/* GET=DescribeBackupAccessPoint
/backup-access-point/create PUT=CreateBackupAccessPoint
/backup-access-point/delete/* DELETE=DeleteBackupAccessPoint
/backup-access-point/recovery-point/* POST=ListBackupAccessPointsByRecoveryPoint
/backup-access-point/resource/* POST=ListBackupAccessPointsByResource
/backup-jobs GET=ListBackupJobs PUT=StartBackupJob
/backup-jobs/* GET=DescribeBackupJob POST=StopBackupJob
/backup-vaults GET=ListBackupVaults
/backup-vaults/* DELETE=DeleteBackupVault GET=DescribeBackupVault PUT=CreateBackupVault
/backup-vaults/*/access-policy DELETE=DeleteBackupVaultAccessPolicy GET=GetBackupVaultAccessPolicy PUT=PutBackupVaultAccessPolicy
/backup-vaults/*/mpaApprovalTeam PUT=AssociateBackupVaultMpaApprovalTeam
/backup-vaults/*/mpaApprovalTeam?delete POST=DisassociateBackupVaultMpaApprovalTeam
/backup-vaults/*/notification-configuration DELETE=DeleteBackupVaultNotifications GET=GetBackupVaultNotifications PUT=PutBackupVaultNotifications
/backup-vaults/*/recovery-points GET=ListRecoveryPointsByBackupVault
/backup-vaults/*/recovery-points/* DELETE=DeleteRecoveryPoint GET=DescribeRecoveryPoint POST=UpdateRecoveryPointLifecycle
/backup-vaults/*/recovery-points/*/disassociate POST=DisassociateRecoveryPoint
/backup-vaults/*/recovery-points/*/index GET=GetRecoveryPointIndexDetails POST=UpdateRecoveryPointIndexSettings
/backup-vaults/*/recovery-points/*/parentAssociation DELETE=DisassociateRecoveryPointFromParent
/backup-vaults/*/recovery-points/*/restore-metadata GET=GetRecoveryPointRestoreMetadata
/backup-vaults/*/resources GET=ListProtectedResourcesByBackupVault
/backup-vaults/*/vault-lock DELETE=DeleteBackupVaultLockConfiguration PUT=PutBackupVaultLockConfiguration
/backup/plans GET=ListBackupPlans PUT=CreateBackupPlan
/backup/plans/* DELETE=DeleteBackupPlan GET=GetBackupPlan POST=UpdateBackupPlan
/backup/plans/*/selections GET=ListBackupSelections PUT=CreateBackupSelection
/backup/plans/*/selections/* DELETE=DeleteBackupSelection GET=GetBackupSelection
/backup/plans/*/toTemplate GET=ExportBackupPlanTemplate
/backup/plans/*/versions GET=ListBackupPlanVersions
/backup/template/json/toPlan POST=GetBackupPlanFromJSON
/backup/template/plans GET=ListBackupPlanTemplates
/backup/template/plans/*/toPlan GET=GetBackupPlanFromTemplate
/copy-jobs GET=ListCopyJobs PUT=StartCopyJob
/copy-jobs/* GET=DescribeCopyJob
/global-settings GET=DescribeGlobalSettings PUT=UpdateGlobalSettings
/indexes/recovery-point GET=ListIndexedRecoveryPoints
/legal-holds GET=ListLegalHolds POST=CreateLegalHold
/legal-holds/* DELETE=CancelLegalHold GET=GetLegalHold
/legal-holds/*/recovery-points GET=ListRecoveryPointsByLegalHold
/logically-air-gapped-backup-vaults/* PUT=CreateLogicallyAirGappedBackupVault
/logically-air-gapped-backup-vaults/*/restore-access-backup-vaults GET=ListRestoreAccessBackupVaults
/logically-air-gapped-backup-vaults/*/restore-access-backup-vaults/* DELETE=RevokeRestoreAccessBackupVault
/resources GET=ListProtectedResources
/resources/* GET=DescribeProtectedResource
/resources/*/recovery-points GET=ListRecoveryPointsByResource
/resources/*/restore-jobs GET=ListRestoreJobsByProtectedResource
/restore-access-backup-vaults PUT=CreateRestoreAccessBackupVault
/restore-jobs GET=ListRestoreJobs PUT=StartRestoreJob
/restore-jobs/* GET=DescribeRestoreJob
/restore-jobs/*/metadata GET=GetRestoreJobMetadata
/restore-jobs/*/validations PUT=PutRestoreValidationResult
/restore-testing/inferred-metadata GET=GetRestoreTestingInferredMetadata
/restore-testing/plans GET=ListRestoreTestingPlans PUT=CreateRestoreTestingPlan
/restore-testing/plans/* DELETE=DeleteRestoreTestingPlan GET=GetRestoreTestingPlan PUT=UpdateRestoreTestingPlan
/restore-testing/plans/*/selections GET=ListRestoreTestingSelections PUT=CreateRestoreTestingSelection
/restore-testing/plans/*/selections/* DELETE=DeleteRestoreTestingSelection GET=GetRestoreTestingSelection PUT=UpdateRestoreTestingSelection
/scan/job PUT=StartScanJob
/scan/jobs GET=ListScanJobs
/scan/jobs/* GET=DescribeScanJob
/scan/pitr-malware-scan-results GET=GetPITRMalwareScanResults
/supported-resource-types GET=GetSupportedResourceTypes
/tags/* GET=ListTags POST=TagResource
/tiering-configurations GET=ListTieringConfigurations PUT=CreateTieringConfiguration
/tiering-configurations/* DELETE=DeleteTieringConfiguration GET=GetTieringConfiguration PUT=UpdateTieringConfiguration
/untag/* POST=UntagResource
# batch
/v1/canceljob POST=CancelJob
/v1/canceljobs POST=CancelJobs
/v1/createcomputeenvironment POST=CreateComputeEnvironment
/v1/createconsumableresource POST=CreateConsumableResource
/v1/createjobqueue POST=CreateJobQueue
/v1/createquotashare POST=CreateQuotaShare
/v1/createschedulingpolicy POST=CreateSchedulingPolicy
/v1/createserviceenvironment POST=CreateServiceEnvironment
/v1/deletecomputeenvironment POST=DeleteComputeEnvironment
/v1/deleteconsumableresource POST=DeleteConsumableResource
/v1/deletejobqueue POST=DeleteJobQueue
/v1/deletequotashare POST=DeleteQuotaShare
/v1/deleteschedulingpolicy POST=DeleteSchedulingPolicy
/v1/deleteserviceenvironment POST=DeleteServiceEnvironment
/v1/deregisterjobdefinition POST=DeregisterJobDefinition
/v1/describecomputeenvironments POST=DescribeComputeEnvironments
/v1/describeconsumableresource POST=DescribeConsumableResource
/v1/describejobdefinitions POST=DescribeJobDefinitions
/v1/describejobqueues POST=DescribeJobQueues
/v1/describejobs POST=DescribeJobs
/v1/describequotashare POST=DescribeQuotaShare
/v1/describeschedulingpolicies POST=DescribeSchedulingPolicies
/v1/describeserviceenvironments POST=DescribeServiceEnvironments
/v1/describeservicejob POST=DescribeServiceJob
/v1/getjobqueuesnapshot POST=GetJobQueueSnapshot
/v1/listconsumableresources POST=ListConsumableResources
/v1/listjobs POST=ListJobs
/v1/listjobsbyconsumableresource POST=ListJobsByConsumableResource
/v1/listquotashares POST=ListQuotaShares
/v1/listschedulingpolicies POST=ListSchedulingPolicies
/v1/listservicejobs POST=ListServiceJobs
/v1/registerjobdefinition POST=RegisterJobDefinition
/v1/submitjob POST=SubmitJob
/v1/submitservicejob POST=SubmitServiceJob
/v1/tags/* DELETE=UntagResource GET=ListTagsForResource POST=TagResource
/v1/terminatejob POST=TerminateJob
/v1/terminatejobs POST=TerminateJobs
/v1/terminateservicejob POST=TerminateServiceJob
/v1/terminateservicejobs POST=TerminateServiceJobs
/v1/updatecomputeenvironment POST=UpdateComputeEnvironment
/v1/updateconsumableresource POST=UpdateConsumableResource
/v1/updatejobqueue POST=UpdateJobQueue
/v1/updatequotashare POST=UpdateQuotaShare
/v1/updateschedulingpolicy POST=UpdateSchedulingPolicy
/v1/updateserviceenvironment POST=UpdateServiceEnvironment
/v1/updateservicejob POST=UpdateServiceJob
# bedrock
/advanced-prompt-optimization-job/batch-delete POST=BatchDeleteAdvancedPromptOptimizationJob
/advanced-prompt-optimization-jobs GET=ListAdvancedPromptOptimizationJobs POST=CreateAdvancedPromptOptimizationJob
/advanced-prompt-optimization-jobs/* GET=GetAdvancedPromptOptimizationJob
/advanced-prompt-optimization-jobs/*/stop POST=StopAdvancedPromptOptimizationJob
/automated-reasoning-policies GET=ListAutomatedReasoningPolicies POST=CreateAutomatedReasoningPolicy
/automated-reasoning-policies/* DELETE=DeleteAutomatedReasoningPolicy GET=GetAutomatedReasoningPolicy PATCH=UpdateAutomatedReasoningPolicy
/automated-reasoning-policies/*/build-workflows GET=ListAutomatedReasoningPolicyBuildWorkflows
/automated-reasoning-policies/*/build-workflows/* DELETE=DeleteAutomatedReasoningPolicyBuildWorkflow GET=GetAutomatedReasoningPolicyBuildWorkflow
/automated-reasoning-policies/*/build-workflows/*/annotations GET=GetAutomatedReasoningPolicyAnnotations PATCH=UpdateAutomatedReasoningPolicyAnnotations
/automated-reasoning-policies/*/build-workflows/*/cancel POST=CancelAutomatedReasoningPolicyBuildWorkflow
/automated-reasoning-policies/*/build-workflows/*/result-assets GET=GetAutomatedReasoningPolicyBuildWorkflowResultAssets
/automated-reasoning-policies/*/build-workflows/*/scenarios GET=GetAutomatedReasoningPolicyNextScenario
/automated-reasoning-policies/*/build-workflows/*/start POST=StartAutomatedReasoningPolicyBuildWorkflow
/automated-reasoning-policies/*/build-workflows/*/test-cases/*/test-results GET=GetAutomatedReasoningPolicyTestResult
/automated-reasoning-policies/*/build-workflows/*/test-results GET=ListAutomatedReasoningPolicyTestResults
/automated-reasoning-policies/*/build-workflows/*/test-workflows POST=StartAutomatedReasoningPolicyTestWorkflow
/automated-reasoning-policies/*/export GET=ExportAutomatedReasoningPolicyVersion
/automated-reasoning-policies/*/test-cases GET=ListAutomatedReasoningPolicyTestCases POST=CreateAutomatedReasoningPolicyTestCase
/automated-reasoning-policies/*/test-cases/* DELETE=DeleteAutomatedReasoningPolicyTestCase GET=GetAutomatedReasoningPolicyTestCase PATCH=UpdateAutomatedReasoningPolicyTestCase
/automated-reasoning-policies/*/versions POST=CreateAutomatedReasoningPolicyVersion
/create-foundation-model-agreement POST=CreateFoundationModelAgreement
/custom-models GET=ListCustomModels
/custom-models/* DELETE=DeleteCustomModel GET=GetCustomModel
/custom-models/create-custom-model POST=CreateCustomModel
/data-retention GET=GetAccountDataRetention PUT=PutAccountDataRetention
/delete-foundation-model-agreement POST=DeleteFoundationModelAgreement
/enforcedGuardrailsConfiguration GET=ListEnforcedGuardrailsConfiguration PUT=PutEnforcedGuardrailConfiguration
/enforcedGuardrailsConfiguration/* DELETE=DeleteEnforcedGuardrailConfiguration
/evaluation-job/*/stop POST=StopEvaluationJob
/evaluation-jobs GET=ListEvaluationJobs POST=CreateEvaluationJob
/evaluation-jobs/* GET=GetEvaluationJob
/evaluation-jobs/batch-delete POST=BatchDeleteEvaluationJob
/foundation-model-availability/* GET=GetFoundationModelAvailability
/foundation-models GET=ListFoundationModels
/foundation-models/* GET=GetFoundationModel
/guardrails GET=ListGuardrails POST=CreateGuardrail
/guardrails/* DELETE=DeleteGuardrail GET=GetGuardrail POST=CreateGuardrailVersion PUT=UpdateGuardrail
/imported-models GET=ListImportedModels
/imported-models/* DELETE=DeleteImportedModel GET=GetImportedModel
/inference-profiles GET=ListInferenceProfiles POST=CreateInferenceProfile
/inference-profiles/* DELETE=DeleteInferenceProfile GET=GetInferenceProfile
/list-foundation-model-agreement-offers/* GET=ListFoundationModelAgreementOffers
/listTagsForResource POST=ListTagsForResource
/logging/modelinvocations DELETE=DeleteModelInvocationLoggingConfiguration GET=GetModelInvocationLoggingConfiguration PUT=PutModelInvocationLoggingConfiguration
/marketplace-model/endpoints GET=ListMarketplaceModelEndpoints POST=CreateMarketplaceModelEndpoint
/marketplace-model/endpoints/* DELETE=DeleteMarketplaceModelEndpoint GET=GetMarketplaceModelEndpoint PATCH=UpdateMarketplaceModelEndpoint
/marketplace-model/endpoints/*/registration DELETE=DeregisterMarketplaceModelEndpoint POST=RegisterMarketplaceModelEndpoint
/model-copy-jobs GET=ListModelCopyJobs POST=CreateModelCopyJob
/model-copy-jobs/* GET=GetModelCopyJob
/model-customization-jobs GET=ListModelCustomizationJobs POST=CreateModelCustomizationJob
/model-customization-jobs/* GET=GetModelCustomizationJob
/model-customization-jobs/*/stop POST=StopModelCustomizationJob
/model-customization/custom-model-deployments GET=ListCustomModelDeployments POST=CreateCustomModelDeployment
/model-customization/custom-model-deployments/* DELETE=DeleteCustomModelDeployment GET=GetCustomModelDeployment PATCH=UpdateCustomModelDeployment
/model-import-jobs GET=ListModelImportJobs POST=CreateModelImportJob
/model-import-jobs/* GET=GetModelImportJob
/model-invocation-job POST=CreateModelInvocationJob
/model-invocation-job/* GET=GetModelInvocationJob
/model-invocation-job/*/stop POST=StopModelInvocationJob
/model-invocation-jobs GET=ListModelInvocationJobs
/prompt-routers GET=ListPromptRouters POST=CreatePromptRouter
/prompt-routers/* DELETE=DeletePromptRouter GET=GetPromptRouter
/provisioned-model-throughput POST=CreateProvisionedModelThroughput
/provisioned-model-throughput/* DELETE=DeleteProvisionedModelThroughput GET=GetProvisionedModelThroughput PATCH=UpdateProvisionedModelThroughput
/provisioned-model-throughputs GET=ListProvisionedModelThroughputs
/resource-policy POST=PutResourcePolicy
/resource-policy/* DELETE=DeleteResourcePolicy GET=GetResourcePolicy
/tagResource POST=TagResource
/untagResource POST=UntagResource
/use-case-for-model-access GET=GetUseCaseForModelAccess POST=PutUseCaseForModelAccess
# bedrock-agent
/agents POST=ListAgents PUT=CreateAgent
/agents/* DELETE=DeleteAgent GET=GetAgent POST=PrepareAgent PUT=UpdateAgent
/agents/*/agentaliases POST=ListAgentAliases PUT=CreateAgentAlias
/agents/*/agentaliases/* DELETE=DeleteAgentAlias GET=GetAgentAlias PUT=UpdateAgentAlias
/agents/*/agentversions POST=ListAgentVersions
/agents/*/agentversions/* DELETE=DeleteAgentVersion GET=GetAgentVersion
/agents/*/agentversions/*/actiongroups POST=ListAgentActionGroups PUT=CreateAgentActionGroup
/agents/*/agentversions/*/actiongroups/* DELETE=DeleteAgentActionGroup GET=GetAgentActionGroup PUT=UpdateAgentActionGroup
/agents/*/agentversions/*/agentcollaborators POST=ListAgentCollaborators PUT=AssociateAgentCollaborator
/agents/*/agentversions/*/agentcollaborators/* DELETE=DisassociateAgentCollaborator GET=GetAgentCollaborator PUT=UpdateAgentCollaborator
/agents/*/agentversions/*/knowledgebases POST=ListAgentKnowledgeBases PUT=AssociateAgentKnowledgeBase
/agents/*/agentversions/*/knowledgebases/* DELETE=DisassociateAgentKnowledgeBase GET=GetAgentKnowledgeBase PUT=UpdateAgentKnowledgeBase
/flows GET=ListFlows POST=CreateFlow
/flows/* DELETE=DeleteFlow GET=GetFlow POST=PrepareFlow PUT=UpdateFlow
/flows/*/aliases GET=ListFlowAliases POST=CreateFlowAlias
/flows/*/aliases/* DELETE=DeleteFlowAlias GET=GetFlowAlias PUT=UpdateFlowAlias
/flows/*/versions GET=ListFlowVersions POST=CreateFlowVersion
/flows/*/versions/* DELETE=DeleteFlowVersion GET=GetFlowVersion
/flows/validate-definition POST=ValidateFlowDefinition
/knowledgebases POST=ListKnowledgeBases PUT=CreateKnowledgeBase
/knowledgebases/* DELETE=DeleteKnowledgeBase GET=GetKnowledgeBase PUT=UpdateKnowledgeBase
/knowledgebases/*/datasources POST=ListDataSources PUT=CreateDataSource
/knowledgebases/*/datasources/* DELETE=DeleteDataSource GET=GetDataSource PUT=UpdateDataSource
/knowledgebases/*/datasources/*/documents POST=ListKnowledgeBaseDocuments PUT=IngestKnowledgeBaseDocuments
/knowledgebases/*/datasources/*/documents/deleteDocuments POST=DeleteKnowledgeBaseDocuments
/knowledgebases/*/datasources/*/documents/getDocuments POST=GetKnowledgeBaseDocuments
/knowledgebases/*/datasources/*/ingestionjobs POST=ListIngestionJobs PUT=StartIngestionJob
/knowledgebases/*/datasources/*/ingestionjobs/* GET=GetIngestionJob
/knowledgebases/*/datasources/*/ingestionjobs/*/stop POST=StopIngestionJob
/knowledgebases/*/vpcconfigurations GET=ListVpcConfigurations POST=CreateVpcConfiguration
/knowledgebases/*/vpcconfigurations/* DELETE=DeleteVpcConfiguration GET=GetVpcConfiguration
/prompts GET=ListPrompts POST=CreatePrompt
/prompts/* DELETE=DeletePrompt GET=GetPrompt PUT=UpdatePrompt
/prompts/*/versions POST=CreatePromptVersion
/resourcepolicy/* DELETE=DeleteResourcePolicy GET=GetResourcePolicy PUT=PutResourcePolicy
/retrievalinstructions GET=ListRetrievalInstructions POST=CreateRetrievalInstruction
/retrievalinstructions/* DELETE=DeleteRetrievalInstruction GET=GetRetrievalInstruction PUT=UpdateRetrievalInstruction
/retrievalinstructions/*/versions GET=ListRetrievalInstructionVersions POST=CreateRetrievalInstructionVersion
/tags/* DELETE=UntagResource GET=ListTagsForResource POST=TagResource
# bedrock-agent-runtime
/agenticRetrieveStream POST=AgenticRetrieveStream
/agents/* POST=InvokeInlineAgent
/agents/*/agentAliases/*/memories DELETE=DeleteAgentMemory GET=GetAgentMemory
/agents/*/agentAliases/*/sessions/*/text POST=InvokeAgent
/flows/*/aliases/* POST=InvokeFlow
/flows/*/aliases/*/executions POST=StartFlowExecution
/flows/*/aliases/*/executions/* GET=GetFlowExecution
/flows/*/aliases/*/executions/*/events GET=ListFlowExecutionEvents
/flows/*/aliases/*/executions/*/flowsnapshot GET=GetExecutionFlowSnapshot
/flows/*/aliases/*/executions/*/stop POST=StopFlowExecution
/flows/*/executions GET=ListFlowExecutions
/generateQuery POST=GenerateQuery
/knowledgebases/*/datasources/*/check-ingested-document-acl POST=CheckIngestedDocumentAcl
/knowledgebases/*/datasources/*/documents/*/content POST=GetDocumentContent
/knowledgebases/*/datasources/*/get-ingested-document-acl POST=GetIngestedDocumentAcl
/knowledgebases/*/retrieve POST=Retrieve
/optimize-prompt POST=OptimizePrompt
/rerank POST=Rerank
/retrieveAndGenerate POST=RetrieveAndGenerate
/retrieveAndGenerateStream POST=RetrieveAndGenerateStream
/sessions POST=ListSessions PUT=CreateSession
/sessions/* DELETE=DeleteSession GET=GetSession PATCH=EndSession PUT=UpdateSession
/sessions/*/invocationSteps POST=ListInvocationSteps PUT=PutInvocationStep
/sessions/*/invocationSteps/* POST=GetInvocationStep
/sessions/*/invocations POST=ListInvocations PUT=CreateInvocation
/tags/* DELETE=UntagResource GET=ListTagsForResource POST=TagResource
# bedrock-runtime
/async-invoke GET=ListAsyncInvokes POST=StartAsyncInvoke
/async-invoke/* GET=GetAsyncInvoke
/guardrail-checks/invoke POST=InvokeGuardrailChecks
/guardrail/*/version/*/apply POST=ApplyGuardrail
/model/*/converse POST=Converse
/model/*/converse-stream POST=ConverseStream
/model/*/count-tokens POST=CountTokens
/model/*/invoke POST=InvokeModel
/model/*/invoke-with-bidirectional-stream POST=InvokeModelWithBidirectionalStream
/model/*/invoke-with-response-stream POST=InvokeModelWithResponseStream
# cloudfront
/2020-05-31/anycast-ip-list GET=ListAnycastIpLists POST=CreateAnycastIpList
/2020-05-31/anycast-ip-list/* DELETE=DeleteAnycastIpList GET=GetAnycastIpList PUT=UpdateAnycastIpList
/2020-05-31/cache-policy GET=ListCachePolicies POST=CreateCachePolicy
/2020-05-31/cache-policy/* DELETE=DeleteCachePolicy GET=GetCachePolicy PUT=UpdateCachePolicy
/2020-05-31/cache-policy/*/config GET=GetCachePolicyConfig
/2020-05-31/conflicting-alias GET=ListConflictingAliases
/2020-05-31/connection-function POST=CreateConnectionFunction
/2020-05-31/connection-function/* DELETE=DeleteConnectionFunction GET=GetConnectionFunction PUT=UpdateConnectionFunction
/2020-05-31/connection-function/*/describe GET=DescribeConnectionFunction
/2020-05-31/connection-function/*/publish POST=PublishConnectionFunction
/2020-05-31/connection-function/*/test POST=TestConnectionFunction
/2020-05-31/connection-functions POST=ListConnectionFunctions
/2020-05-31/connection-group GET=GetConnectionGroupByRoutingEndpoint POST=CreateConnectionGroup
/2020-05-31/connection-group/* DELETE=DeleteConnectionGroup GET=GetConnectionGroup PUT=UpdateConnectionGroup
/2020-05-31/connection-groups POST=ListConnectionGroups
/2020-05-31/continuous-deployment-policy GET=ListContinuousDeploymentPolicies POST=CreateContinuousDeploymentPolicy
/2020-05-31/continuous-deployment-policy/* DELETE=DeleteContinuousDeploymentPolicy GET=GetContinuousDeploymentPolicy PUT=UpdateContinuousDeploymentPolicy
/2020-05-31/continuous-deployment-policy/*/config GET=GetContinuousDeploymentPolicyConfig
/2020-05-31/delete-realtime-log-config POST=DeleteRealtimeLogConfig
/2020-05-31/delete-resource-policy POST=DeleteResourcePolicy
/2020-05-31/distribution GET=ListDistributions POST=CreateDistribution
/2020-05-31/distribution-tenant GET=GetDistributionTenantByDomain POST=CreateDistributionTenant
/2020-05-31/distribution-tenant/* DELETE=DeleteDistributionTenant GET=GetDistributionTenant PUT=UpdateDistributionTenant
/2020-05-31/distribution-tenant/*/associate-web-acl PUT=AssociateDistributionTenantWebACL
/2020-05-31/distribution-tenant/*/disassociate-web-acl PUT=DisassociateDistributionTenantWebACL
/2020-05-31/distribution-tenant/*/invalidation GET=ListInvalidationsForDistributionTenant POST=CreateInvalidationForDistributionTenant
/2020-05-31/distribution-tenant/*/invalidation/* GET=GetInvalidationForDistributionTenant
/2020-05-31/distribution-tenants POST=ListDistributionTenants
/2020-05-31/distribution-tenants-by-customization POST=ListDistributionTenantsByCustomization
/2020-05-31/distribution/* DELETE=DeleteDistribution GET=GetDistribution
/2020-05-31/distribution/*/associate-alias PUT=AssociateAlias
/2020-05-31/distribution/*/associate-web-acl PUT=AssociateDistributionWebACL
/2020-05-31/distribution/*/config GET=GetDistributionConfig PUT=UpdateDistribution
/2020-05-31/distribution/*/copy POST=CopyDistribution
/2020-05-31/distribution/*/disassociate-web-acl PUT=DisassociateDistributionWebACL
/2020-05-31/distribution/*/invalidation GET=ListInvalidations POST=CreateInvalidation
/2020-05-31/distribution/*/invalidation/* GET=GetInvalidation
/2020-05-31/distribution/*/promote-staging-config PUT=UpdateDistributionWithStagingConfig
/2020-05-31/distribution?WithTags POST=CreateDistributionWithTags
/2020-05-31/distributions/*/monitoring-subscription DELETE=DeleteMonitoringSubscription GET=GetMonitoringSubscription POST=CreateMonitoringSubscription
/2020-05-31/distributionsByAnycastIpListId/* GET=ListDistributionsByAnycastIpListId
/2020-05-31/distributionsByCachePolicyId/* GET=ListDistributionsByCachePolicyId
/2020-05-31/distributionsByConnectionFunction GET=ListDistributionsByConnectionFunction
/2020-05-31/distributionsByConnectionMode/* GET=ListDistributionsByConnectionMode
/2020-05-31/distributionsByKeyGroupId/* GET=ListDistributionsByKeyGroup
/2020-05-31/distributionsByOriginRequestPolicyId/* GET=ListDistributionsByOriginRequestPolicyId
/2020-05-31/distributionsByOwnedResource/* GET=ListDistributionsByOwnedResource
/2020-05-31/distributionsByRealtimeLogConfig POST=ListDistributionsByRealtimeLogConfig
/2020-05-31/distributionsByResponseHeadersPolicyId/* GET=ListDistributionsByResponseHeadersPolicyId
/2020-05-31/distributionsByTrustStore GET=ListDistributionsByTrustStore
/2020-05-31/distributionsByVpcOriginId/* GET=ListDistributionsByVpcOriginId
/2020-05-31/distributionsByWebACLId/* GET=ListDistributionsByWebACLId
/2020-05-31/domain-association POST=UpdateDomainAssociation
/2020-05-31/domain-conflicts POST=ListDomainConflicts
/2020-05-31/field-level-encryption GET=ListFieldLevelEncryptionConfigs POST=CreateFieldLevelEncryptionConfig
/2020-05-31/field-level-encryption-profile GET=ListFieldLevelEncryptionProfiles POST=CreateFieldLevelEncryptionProfile
/2020-05-31/field-level-encryption-profile/* DELETE=DeleteFieldLevelEncryptionProfile GET=GetFieldLevelEncryptionProfile
/2020-05-31/field-level-encryption-profile/*/config GET=GetFieldLevelEncryptionProfileConfig PUT=UpdateFieldLevelEncryptionProfile
/2020-05-31/field-level-encryption/* DELETE=DeleteFieldLevelEncryptionConfig GET=GetFieldLevelEncryption
/2020-05-31/field-level-encryption/*/config GET=GetFieldLevelEncryptionConfig PUT=UpdateFieldLevelEncryptionConfig
/2020-05-31/function GET=ListFunctions POST=CreateFunction
/2020-05-31/function/* DELETE=DeleteFunction GET=GetFunction PUT=UpdateFunction
/2020-05-31/function/*/describe GET=DescribeFunction
/2020-05-31/function/*/publish POST=PublishFunction
/2020-05-31/function/*/test POST=TestFunction
/2020-05-31/get-realtime-log-config POST=GetRealtimeLogConfig
/2020-05-31/get-resource-policy POST=GetResourcePolicy
/2020-05-31/key-group GET=ListKeyGroups POST=CreateKeyGroup
/2020-05-31/key-group/* DELETE=DeleteKeyGroup GET=GetKeyGroup PUT=UpdateKeyGroup
/2020-05-31/key-group/*/config GET=GetKeyGroupConfig
/2020-05-31/key-value-store GET=ListKeyValueStores POST=CreateKeyValueStore
/2020-05-31/key-value-store/* DELETE=DeleteKeyValueStore GET=DescribeKeyValueStore PUT=UpdateKeyValueStore
/2020-05-31/managed-certificate/* GET=GetManagedCertificateDetails
/2020-05-31/origin-access-control GET=ListOriginAccessControls POST=CreateOriginAccessControl
/2020-05-31/origin-access-control/* DELETE=DeleteOriginAccessControl GET=GetOriginAccessControl
/2020-05-31/origin-access-control/*/config GET=GetOriginAccessControlConfig PUT=UpdateOriginAccessControl
/2020-05-31/origin-access-identity/cloudfront GET=ListCloudFrontOriginAccessIdentities POST=CreateCloudFrontOriginAccessIdentity
/2020-05-31/origin-access-identity/cloudfront/* DELETE=DeleteCloudFrontOriginAccessIdentity GET=GetCloudFrontOriginAccessIdentity
/2020-05-31/origin-access-identity/cloudfront/*/config GET=GetCloudFrontOriginAccessIdentityConfig PUT=UpdateCloudFrontOriginAccessIdentity
/2020-05-31/origin-request-policy GET=ListOriginRequestPolicies POST=CreateOriginRequestPolicy
/2020-05-31/origin-request-policy/* DELETE=DeleteOriginRequestPolicy GET=GetOriginRequestPolicy PUT=UpdateOriginRequestPolicy
/2020-05-31/origin-request-policy/*/config GET=GetOriginRequestPolicyConfig
/2020-05-31/public-key GET=ListPublicKeys POST=CreatePublicKey
/2020-05-31/public-key/* DELETE=DeletePublicKey GET=GetPublicKey
/2020-05-31/public-key/*/config GET=GetPublicKeyConfig PUT=UpdatePublicKey
/2020-05-31/put-resource-policy POST=PutResourcePolicy
/2020-05-31/realtime-log-config GET=ListRealtimeLogConfigs POST=CreateRealtimeLogConfig PUT=UpdateRealtimeLogConfig
/2020-05-31/response-headers-policy GET=ListResponseHeadersPolicies POST=CreateResponseHeadersPolicy
/2020-05-31/response-headers-policy/* DELETE=DeleteResponseHeadersPolicy GET=GetResponseHeadersPolicy PUT=UpdateResponseHeadersPolicy
/2020-05-31/response-headers-policy/*/config GET=GetResponseHeadersPolicyConfig
/2020-05-31/streaming-distribution GET=ListStreamingDistributions POST=CreateStreamingDistribution
/2020-05-31/streaming-distribution/* DELETE=DeleteStreamingDistribution GET=GetStreamingDistribution
/2020-05-31/streaming-distribution/*/config GET=GetStreamingDistributionConfig PUT=UpdateStreamingDistribution
/2020-05-31/streaming-distribution?WithTags POST=CreateStreamingDistributionWithTags
/2020-05-31/tagging GET=ListTagsForResource
/2020-05-31/tagging?Operation=Tag POST=TagResource
/2020-05-31/tagging?Operation=Untag POST=UntagResource
/2020-05-31/trust-store POST=CreateTrustStore
/2020-05-31/trust-store/* DELETE=DeleteTrustStore GET=GetTrustStore PUT=UpdateTrustStore
/2020-05-31/trust-stores POST=ListTrustStores
/2020-05-31/verify-dns-configuration POST=VerifyDnsConfiguration
/2020-05-31/vpc-origin GET=ListVpcOrigins POST=CreateVpcOrigin
/2020-05-31/vpc-origin/* DELETE=DeleteVpcOrigin GET=GetVpcOrigin PUT=UpdateVpcOrigin
# codeartifact
/v1/authorization-token POST=GetAuthorizationToken
/v1/domain DELETE=DeleteDomain GET=DescribeDomain POST=CreateDomain
/v1/domain/permissions/policy DELETE=DeleteDomainPermissionsPolicy GET=GetDomainPermissionsPolicy PUT=PutDomainPermissionsPolicy
/v1/domain/repositories POST=ListRepositoriesInDomain
/v1/domains POST=ListDomains
/v1/get-associated-package-group GET=GetAssociatedPackageGroup
/v1/list-associated-packages GET=ListAssociatedPackages
/v1/package DELETE=DeletePackage GET=DescribePackage POST=PutPackageOriginConfiguration
/v1/package-group DELETE=DeletePackageGroup GET=DescribePackageGroup POST=CreatePackageGroup PUT=UpdatePackageGroup
/v1/package-group-allowed-repositories GET=ListAllowedRepositoriesForGroup
/v1/package-group-origin-configuration PUT=UpdatePackageGroupOriginConfiguration
/v1/package-groups POST=ListPackageGroups
/v1/package-groups/sub-groups POST=ListSubPackageGroups
/v1/package/version GET=DescribePackageVersion
/v1/package/version/asset GET=GetPackageVersionAsset
/v1/package/version/assets POST=ListPackageVersionAssets
/v1/package/version/dependencies POST=ListPackageVersionDependencies
/v1/package/version/publish POST=PublishPackageVersion
/v1/package/version/readme GET=GetPackageVersionReadme
/v1/package/versions POST=ListPackageVersions
/v1/package/versions/copy POST=CopyPackageVersions
/v1/package/versions/delete POST=DeletePackageVersions
/v1/package/versions/dispose POST=DisposePackageVersions
/v1/package/versions/update_status POST=UpdatePackageVersionsStatus
/v1/packages POST=ListPackages
/v1/repositories POST=ListRepositories
/v1/repository DELETE=DeleteRepository GET=DescribeRepository POST=CreateRepository PUT=UpdateRepository
/v1/repository/endpoint GET=GetRepositoryEndpoint
/v1/repository/external-connection DELETE=DisassociateExternalConnection POST=AssociateExternalConnection
/v1/repository/permissions/policies DELETE=DeleteRepositoryPermissionsPolicy
/v1/repository/permissions/policy GET=GetRepositoryPermissionsPolicy PUT=PutRepositoryPermissionsPolicy
/v1/tag POST=TagResource
/v1/tags POST=ListTagsForResource
/v1/untag POST=UntagResource
# dlm
/policies GET=GetLifecyclePolicies POST=CreateLifecyclePolicy
/policies/* DELETE=DeleteLifecyclePolicy GET=GetLifecyclePolicy PATCH=UpdateLifecyclePolicy
/tags/* DELETE=UntagResource GET=ListTagsForResource POST=TagResource
# dsql
/cluster GET=ListClusters POST=CreateCluster
/cluster/* DELETE=DeleteCluster GET=GetCluster POST=UpdateCluster
/cluster/*/policy DELETE=DeleteClusterPolicy GET=GetClusterPolicy POST=PutClusterPolicy
/clusters/*/vpc-endpoint-service-name GET=GetVpcEndpointServiceName
/stream/* GET=ListStreams POST=CreateStream
/stream/*/* DELETE=DeleteStream GET=GetStream
/tags/* DELETE=UntagResource GET=ListTagsForResource POST=TagResource
# ebs
/snapshots POST=StartSnapshot
/snapshots/*/blocks GET=ListSnapshotBlocks
/snapshots/*/blocks/* GET=GetSnapshotBlock PUT=PutSnapshotBlock
/snapshots/*/changedblocks GET=ListChangedBlocks
/snapshots/completion/* POST=CompleteSnapshot
# eks
/access-policies GET=ListAccessPolicies
/addons/configuration-schemas GET=DescribeAddonConfiguration
/addons/supported-versions GET=DescribeAddonVersions
/cluster-registrations POST=RegisterCluster
/cluster-registrations/* DELETE=DeregisterCluster
/cluster-versions GET=DescribeClusterVersions
/clusters GET=ListClusters POST=CreateCluster
/clusters/* DELETE=DeleteCluster GET=DescribeCluster
/clusters/*/access-entries GET=ListAccessEntries POST=CreateAccessEntry
/clusters/*/access-entries/* DELETE=DeleteAccessEntry GET=DescribeAccessEntry POST=UpdateAccessEntry
/clusters/*/access-entries/*/access-policies GET=ListAssociatedAccessPolicies POST=AssociateAccessPolicy
/clusters/*/access-entries/*/access-policies/* DELETE=DisassociateAccessPolicy
/clusters/*/addons GET=ListAddons POST=CreateAddon
/clusters/*/addons/* DELETE=DeleteAddon GET=DescribeAddon
/clusters/*/addons/*/update POST=UpdateAddon
/clusters/*/capabilities GET=ListCapabilities POST=CreateCapability
/clusters/*/capabilities/* DELETE=DeleteCapability GET=DescribeCapability POST=UpdateCapability
/clusters/*/certificate-authorities GET=ListCertificateAuthorities POST=CreateCertificateAuthority
/clusters/*/certificate-authorities/* DELETE=DeleteCertificateAuthority GET=DescribeCertificateAuthority
/clusters/*/certificate-authorities/*/activate POST=ActivateCertificateAuthority
/clusters/*/encryption-config/associate POST=AssociateEncryptionConfig
/clusters/*/fargate-profiles GET=ListFargateProfiles POST=CreateFargateProfile
/clusters/*/fargate-profiles/* DELETE=DeleteFargateProfile GET=DescribeFargateProfile
/clusters/*/identity-provider-configs GET=ListIdentityProviderConfigs
/clusters/*/identity-provider-configs/associate POST=AssociateIdentityProviderConfig
/clusters/*/identity-provider-configs/describe POST=DescribeIdentityProviderConfig
/clusters/*/identity-provider-configs/disassociate POST=DisassociateIdentityProviderConfig
/clusters/*/insights POST=ListInsights
/clusters/*/insights-refresh GET=DescribeInsightsRefresh POST=StartInsightsRefresh
/clusters/*/insights/* GET=DescribeInsight
/clusters/*/node-groups GET=ListNodegroups POST=CreateNodegroup
/clusters/*/node-groups/* DELETE=DeleteNodegroup GET=DescribeNodegroup
/clusters/*/node-groups/*/update-config POST=UpdateNodegroupConfig
/clusters/*/node-groups/*/update-version POST=UpdateNodegroupVersion
/clusters/*/pod-identity-associations GET=ListPodIdentityAssociations POST=CreatePodIdentityAssociation
/clusters/*/pod-identity-associations/* DELETE=DeletePodIdentityAssociation GET=DescribePodIdentityAssociation POST=UpdatePodIdentityAssociation
/clusters/*/update-config POST=UpdateClusterConfig
/clusters/*/updates GET=ListUpdates POST=UpdateClusterVersion
/clusters/*/updates/* GET=DescribeUpdate
/clusters/*/updates/*/cancel-update POST=CancelUpdate
/eks-anywhere-subscriptions GET=ListEksAnywhereSubscriptions POST=CreateEksAnywhereSubscription
/eks-anywhere-subscriptions/* DELETE=DeleteEksAnywhereSubscription GET=DescribeEksAnywhereSubscription POST=UpdateEksAnywhereSubscription
/tags/* DELETE=UntagResource GET=ListTagsForResource POST=TagResource
# eks-auth
/clusters/*/assume-role-for-pod-identity POST=AssumeRoleForPodIdentity
# elasticfilesystem
/2015-02-01/access-points GET=DescribeAccessPoints POST=CreateAccessPoint
/2015-02-01/access-points/* DELETE=DeleteAccessPoint
/2015-02-01/account-preferences GET=DescribeAccountPreferences PUT=PutAccountPreferences
/2015-02-01/create-tags/* POST=CreateTags
/2015-02-01/delete-tags/* POST=DeleteTags
/2015-02-01/file-systems GET=DescribeFileSystems POST=CreateFileSystem
/2015-02-01/file-systems/* DELETE=DeleteFileSystem PUT=UpdateFileSystem
/2015-02-01/file-systems/*/backup-policy GET=DescribeBackupPolicy PUT=PutBackupPolicy
/2015-02-01/file-systems/*/lifecycle-configuration GET=DescribeLifecycleConfiguration PUT=PutLifecycleConfiguration
/2015-02-01/file-systems/*/policy DELETE=DeleteFileSystemPolicy GET=DescribeFileSystemPolicy PUT=PutFileSystemPolicy
/2015-02-01/file-systems/*/protection PUT=UpdateFileSystemProtection
/2015-02-01/file-systems/*/replication-configuration DELETE=DeleteReplicationConfiguration POST=CreateReplicationConfiguration
/2015-02-01/file-systems/replication-configurations GET=DescribeReplicationConfigurations
/2015-02-01/mount-targets GET=DescribeMountTargets POST=CreateMountTarget
/2015-02-01/mount-targets/* DELETE=DeleteMountTarget
/2015-02-01/mount-targets/*/security-groups GET=DescribeMountTargetSecurityGroups PUT=ModifyMountTargetSecurityGroups
/2015-02-01/resource-tags/* DELETE=UntagResource GET=ListTagsForResource POST=TagResource
/2015-02-01/tags/* GET=DescribeTags
# email
/v2/email/account GET=GetAccount
/v2/email/account/dedicated-ips/warmup PUT=PutAccountDedicatedIpWarmupAttributes
/v2/email/account/details POST=PutAccountDetails
/v2/email/account/pricing-attributes PUT=PutAccountPricingAttributes
/v2/email/account/sending PUT=PutAccountSendingAttributes
/v2/email/account/suppression PUT=PutAccountSuppressionAttributes
/v2/email/account/vdm PUT=PutAccountVdmAttributes
/v2/email/configuration-sets POST=CreateConfigurationSet
/v2/email/configuration-sets/* DELETE=DeleteConfigurationSet GET=GetConfigurationSet
/v2/email/configuration-sets/*/archiving-options PUT=PutConfigurationSetArchivingOptions
/v2/email/configuration-sets/*/delivery-options PUT=PutConfigurationSetDeliveryOptions
/v2/email/configuration-sets/*/event-destinations GET=GetConfigurationSetEventDestinations POST=CreateConfigurationSetEventDestination
/v2/email/configuration-sets/*/event-destinations/* DELETE=DeleteConfigurationSetEventDestination PUT=UpdateConfigurationSetEventDestination
/v2/email/configuration-sets/*/reputation-options PUT=PutConfigurationSetReputationOptions
/v2/email/configuration-sets/*/sending PUT=PutConfigurationSetSendingOptions
/v2/email/configuration-sets/*/suppression-options PUT=PutConfigurationSetSuppressionOptions
/v2/email/configuration-sets/*/tracking-options PUT=PutConfigurationSetTrackingOptions
/v2/email/configuration-sets/*/vdm-options PUT=PutConfigurationSetVdmOptions
/v2/email/contact-lists GET=ListContactLists POST=CreateContactList
/v2/email/contact-lists/* DELETE=DeleteContactList GET=GetContactList PUT=UpdateContactList
/v2/email/contact-lists/*/contacts POST=CreateContact
/v2/email/contact-lists/*/contacts/* DELETE=DeleteContact GET=GetContact PUT=UpdateContact
/v2/email/contact-lists/*/contacts/list POST=ListContacts
/v2/email/custom-verification-email-templates GET=ListCustomVerificationEmailTemplates POST=CreateCustomVerificationEmailTemplate
/v2/email/custom-verification-email-templates/* DELETE=DeleteCustomVerificationEmailTemplate GET=GetCustomVerificationEmailTemplate PUT=UpdateCustomVerificationEmailTemplate
/v2/email/dedicated-ip-pools GET=ListDedicatedIpPools POST=CreateDedicatedIpPool
/v2/email/dedicated-ip-pools/* DELETE=DeleteDedicatedIpPool GET=GetDedicatedIpPool
/v2/email/dedicated-ip-pools/*/scaling PUT=PutDedicatedIpPoolScalingAttributes
/v2/email/dedicated-ips GET=GetDedicatedIps
/v2/email/dedicated-ips/* GET=GetDedicatedIp
/v2/email/dedicated-ips/*/pool PUT=PutDedicatedIpInPool
/v2/email/dedicated-ips/*/warmup PUT=PutDedicatedIpWarmupAttributes
/v2/email/deliverability-dashboard GET=GetDeliverabilityDashboardOptions PUT=PutDeliverabilityDashboardOption
/v2/email/deliverability-dashboard/blacklist-report GET=GetBlacklistReports
/v2/email/deliverability-dashboard/campaigns/* GET=GetDomainDeliverabilityCampaign
/v2/email/deliverability-dashboard/domains/*/campaigns GET=ListDomainDeliverabilityCampaigns
/v2/email/deliverability-dashboard/statistics-report/* GET=GetDomainStatisticsReport
/v2/email/deliverability-dashboard/test POST=CreateDeliverabilityTestReport
/v2/email/deliverability-dashboard/test-reports GET=ListDeliverabilityTestReports
/v2/email/deliverability-dashboard/test-reports/* GET=GetDeliverabilityTestReport
/v2/email/email-address-insights POST=GetEmailAddressInsights
/v2/email/export-jobs POST=CreateExportJob
/v2/email/export-jobs/* GET=GetExportJob
/v2/email/export-jobs/*/cancel PUT=CancelExportJob
/v2/email/identities POST=CreateEmailIdentity
/v2/email/identities/* DELETE=DeleteEmailIdentity GET=GetEmailIdentity
/v2/email/identities/*/configuration-set PUT=PutEmailIdentityConfigurationSetAttributes
/v2/email/identities/*/dkim PUT=PutEmailIdentityDkimAttributes
/v2/email/identities/*/dkim/signing PUT=PutEmailIdentityDkimSigningAttributes
/v2/email/identities/*/feedback PUT=PutEmailIdentityFeedbackAttributes
/v2/email/identities/*/mail-from PUT=PutEmailIdentityMailFromAttributes
/v2/email/identities/*/policies GET=GetEmailIdentityPolicies
/v2/email/identities/*/policies/* DELETE=DeleteEmailIdentityPolicy POST=CreateEmailIdentityPolicy PUT=UpdateEmailIdentityPolicy
/v2/email/identity/certificates POST=AssociateEmailIdentityCertificate
/v2/email/identity/certificates/delete POST=DisassociateEmailIdentityCertificate
/v2/email/identity/certificates/list POST=ListEmailIdentityCertificates
/v2/email/import-jobs POST=CreateImportJob
/v2/email/import-jobs/* GET=GetImportJob
/v2/email/import-jobs/list POST=ListImportJobs
/v2/email/insights/* GET=GetMessageInsights
/v2/email/list-configuration-sets POST=ListConfigurationSets
/v2/email/list-export-jobs POST=ListExportJobs
/v2/email/list-identities POST=ListEmailIdentities
/v2/email/metrics/batch POST=BatchGetMetricData
/v2/email/multi-region-endpoints GET=ListMultiRegionEndpoints POST=CreateMultiRegionEndpoint
/v2/email/multi-region-endpoints/* DELETE=DeleteMultiRegionEndpoint GET=GetMultiRegionEndpoint
/v2/email/outbound-bulk-emails POST=SendBulkEmail
/v2/email/outbound-custom-verification-emails POST=SendCustomVerificationEmail
/v2/email/outbound-emails POST=SendEmail
/v2/email/reputation/entities POST=ListReputationEntities
/v2/email/reputation/entities/*/* GET=GetReputationEntity
/v2/email/reputation/entities/*/*/customer-managed-status PUT=UpdateReputationEntityCustomerManagedStatus
/v2/email/reputation/entities/*/*/policy PUT=UpdateReputationEntityPolicy
/v2/email/resources/tenants/list POST=ListResourceTenants
/v2/email/suppression/addresses GET=ListSuppressedDestinations PUT=PutSuppressedDestination
/v2/email/suppression/addresses/* DELETE=DeleteSuppressedDestination GET=GetSuppressedDestination
/v2/email/tags DELETE=UntagResource GET=ListTagsForResource POST=TagResource
/v2/email/templates GET=ListEmailTemplates POST=CreateEmailTemplate
/v2/email/templates/* DELETE=DeleteEmailTemplate GET=GetEmailTemplate PUT=UpdateEmailTemplate
/v2/email/templates/*/render POST=TestRenderEmailTemplate
/v2/email/tenant/suppression POST=PutTenantSuppressionAttributes
/v2/email/tenants POST=CreateTenant
/v2/email/tenants/delete POST=DeleteTenant
/v2/email/tenants/get POST=GetTenant
/v2/email/tenants/list POST=ListTenants
/v2/email/tenants/resources POST=CreateTenantResourceAssociation
/v2/email/tenants/resources/delete POST=DeleteTenantResourceAssociation
/v2/email/tenants/resources/list POST=ListTenantResources
/v2/email/update-configuration-sets POST=UpdateConfigurationSet
/v2/email/vdm/recommendations POST=ListRecommendations
# es
/2015-01-01/domain GET=ListDomainNames
/2015-01-01/domain/*/packages GET=ListPackagesForDomain
/2015-01-01/es/ccs/inboundConnection/* DELETE=DeleteInboundCrossClusterSearchConnection
/2015-01-01/es/ccs/inboundConnection/*/accept PUT=AcceptInboundCrossClusterSearchConnection
/2015-01-01/es/ccs/inboundConnection/*/reject PUT=RejectInboundCrossClusterSearchConnection
/2015-01-01/es/ccs/inboundConnection/search POST=DescribeInboundCrossClusterSearchConnections
/2015-01-01/es/ccs/outboundConnection POST=CreateOutboundCrossClusterSearchConnection
/2015-01-01/es/ccs/outboundConnection/* DELETE=DeleteOutboundCrossClusterSearchConnection
/2015-01-01/es/ccs/outboundConnection/search POST=DescribeOutboundCrossClusterSearchConnections
/2015-01-01/es/compatibleVersions GET=GetCompatibleElasticsearchVersions
/2015-01-01/es/domain POST=CreateElasticsearchDomain
/2015-01-01/es/domain-info POST=DescribeElasticsearchDomains
/2015-01-01/es/domain/* DELETE=DeleteElasticsearchDomain GET=DescribeElasticsearchDomain
/2015-01-01/es/domain/*/authorizeVpcEndpointAccess POST=AuthorizeVpcEndpointAccess
/2015-01-01/es/domain/*/autoTunes GET=DescribeDomainAutoTunes
/2015-01-01/es/domain/*/clone POST=UpdateClone
/2015-01-01/es/domain/*/config GET=DescribeElasticsearchDomainConfig POST=UpdateElasticsearchDomainConfig
/2015-01-01/es/domain/*/config/cancel POST=CancelDomainConfigChange
/2015-01-01/es/domain/*/listVpcEndpointAccess GET=ListVpcEndpointAccess
/2015-01-01/es/domain/*/progress GET=DescribeDomainChangeProgress
/2015-01-01/es/domain/*/revokeVpcEndpointAccess POST=RevokeVpcEndpointAccess
/2015-01-01/es/domain/*/vpcEndpoints GET=ListVpcEndpointsForDomain
/2015-01-01/es/instanceTypeLimits/*/* GET=DescribeElasticsearchInstanceTypeLimits
/2015-01-01/es/instanceTypes/* GET=ListElasticsearchInstanceTypes
/2015-01-01/es/purchaseReservedInstanceOffering POST=PurchaseReservedElasticsearchInstanceOffering
/2015-01-01/es/reservedInstanceOfferings GET=DescribeReservedElasticsearchInstanceOfferings
/2015-01-01/es/reservedInstances GET=DescribeReservedElasticsearchInstances
/2015-01-01/es/role DELETE=DeleteElasticsearchServiceRole
/2015-01-01/es/serviceSoftwareUpdate/cancel POST=CancelElasticsearchServiceSoftwareUpdate
/2015-01-01/es/serviceSoftwareUpdate/start POST=StartElasticsearchServiceSoftwareUpdate
/2015-01-01/es/upgradeDomain POST=UpgradeElasticsearchDomain
/2015-01-01/es/upgradeDomain/*/history GET=GetUpgradeHistory
/2015-01-01/es/upgradeDomain/*/status GET=GetUpgradeStatus
/2015-01-01/es/versions GET=ListElasticsearchVersions
/2015-01-01/es/vpcEndpoints GET=ListVpcEndpoints POST=CreateVpcEndpoint
/2015-01-01/es/vpcEndpoints/* DELETE=DeleteVpcEndpoint
/2015-01-01/es/vpcEndpoints/describe POST=DescribeVpcEndpoints
/2015-01-01/es/vpcEndpoints/update POST=UpdateVpcEndpoint
/2015-01-01/packages POST=CreatePackage
/2015-01-01/packages/* DELETE=DeletePackage
/2015-01-01/packages/*/domains GET=ListDomainsForPackage
/2015-01-01/packages/*/history GET=GetPackageVersionHistory
/2015-01-01/packages/associate/*/* POST=AssociatePackage
/2015-01-01/packages/describe POST=DescribePackages
/2015-01-01/packages/dissociate/*/* POST=DissociatePackage
/2015-01-01/packages/update POST=UpdatePackage
/2015-01-01/tags GET=ListTags POST=AddTags
/2015-01-01/tags-removal POST=RemoveTags
/2021-01-01/domain GET=ListDomainNames
/2021-01-01/domain/*/packages GET=ListPackagesForDomain
/2021-01-01/opensearch/app-migrations GET=ListMigrations POST=StartMigration
/2021-01-01/opensearch/app-migrations/* GET=GetMigration
/2021-01-01/opensearch/application POST=CreateApplication
/2021-01-01/opensearch/application/* DELETE=DeleteApplication GET=GetApplication PUT=UpdateApplication
/2021-01-01/opensearch/application/*/attachDataSource POST=AttachDataSource
/2021-01-01/opensearch/application/*/capability/* GET=GetCapability
/2021-01-01/opensearch/application/*/capability/deregister/* DELETE=DeregisterCapability
/2021-01-01/opensearch/application/*/capability/register POST=RegisterCapability
/2021-01-01/opensearch/application/*/describeDataSourceAttachment POST=DescribeDataSourceAttachment
/2021-01-01/opensearch/application/*/detachDataSource POST=DetachDataSource
/2021-01-01/opensearch/application/*/listDataSourceAttachments POST=ListDataSourceAttachments
/2021-01-01/opensearch/cc/inboundConnection/* DELETE=DeleteInboundConnection
/2021-01-01/opensearch/cc/inboundConnection/*/accept PUT=AcceptInboundConnection
/2021-01-01/opensearch/cc/inboundConnection/*/reject PUT=RejectInboundConnection
/2021-01-01/opensearch/cc/inboundConnection/search POST=DescribeInboundConnections
/2021-01-01/opensearch/cc/outboundConnection POST=CreateOutboundConnection
/2021-01-01/opensearch/cc/outboundConnection/* DELETE=DeleteOutboundConnection
/2021-01-01/opensearch/cc/outboundConnection/search POST=DescribeOutboundConnections
/2021-01-01/opensearch/compareDomainConfiguration POST=CompareDomainConfiguration
/2021-01-01/opensearch/compatibleVersions GET=GetCompatibleVersions
/2021-01-01/opensearch/defaultApplicationSetting GET=GetDefaultApplicationSetting PUT=PutDefaultApplicationSetting
/2021-01-01/opensearch/directQueryDataSource GET=ListDirectQueryDataSources POST=AddDirectQueryDataSource
/2021-01-01/opensearch/directQueryDataSource/* DELETE=DeleteDirectQueryDataSource GET=GetDirectQueryDataSource PUT=UpdateDirectQueryDataSource
/2021-01-01/opensearch/domain POST=CreateDomain
/2021-01-01/opensearch/domain-info POST=DescribeDomains
/2021-01-01/opensearch/domain/* DELETE=DeleteDomain GET=DescribeDomain
/2021-01-01/opensearch/domain/*/authorizeVpcEndpointAccess POST=AuthorizeVpcEndpointAccess
/2021-01-01/opensearch/domain/*/autoTunes GET=DescribeDomainAutoTunes
/2021-01-01/opensearch/domain/*/clone POST=UpdateClone
/2021-01-01/opensearch/domain/*/config GET=DescribeDomainConfig POST=UpdateDomainConfig
/2021-01-01/opensearch/domain/*/config/cancel POST=CancelDomainConfigChange
/2021-01-01/opensearch/domain/*/dataSource GET=ListDataSources POST=AddDataSource
/2021-01-01/opensearch/domain/*/dataSource/* DELETE=DeleteDataSource GET=GetDataSource PUT=UpdateDataSource
/2021-01-01/opensearch/domain/*/domainMaintenance GET=GetDomainMaintenanceStatus POST=StartDomainMaintenance
/2021-01-01/opensearch/domain/*/domainMaintenances GET=ListDomainMaintenances
/2021-01-01/opensearch/domain/*/dryRun GET=DescribeDryRunProgress
/2021-01-01/opensearch/domain/*/health GET=DescribeDomainHealth
/2021-01-01/opensearch/domain/*/index POST=CreateIndex
/2021-01-01/opensearch/domain/*/index/* DELETE=DeleteIndex GET=GetIndex PUT=UpdateIndex
/2021-01-01/opensearch/domain/*/listVpcEndpointAccess GET=ListVpcEndpointAccess
/2021-01-01/opensearch/domain/*/nodes GET=DescribeDomainNodes
/2021-01-01/opensearch/domain/*/progress GET=DescribeDomainChangeProgress
/2021-01-01/opensearch/domain/*/replication GET=DescribeDomainReplication
/2021-01-01/opensearch/domain/*/replication/addPeer POST=AddReplicationPeer
/2021-01-01/opensearch/domain/*/replication/failover POST=FailoverReplication
/2021-01-01/opensearch/domain/*/replication/removePeer POST=RemoveReplicationPeer
/2021-01-01/opensearch/domain/*/replication/switchover POST=SwitchoverReplication
/2021-01-01/opensearch/domain/*/revokeVpcEndpointAccess POST=RevokeVpcEndpointAccess
/2021-01-01/opensearch/domain/*/scheduledAction/update PUT=UpdateScheduledAction
/2021-01-01/opensearch/domain/*/scheduledActions GET=ListScheduledActions
/2021-01-01/opensearch/domain/*/vpcEndpoints GET=ListVpcEndpointsForDomain
/2021-01-01/opensearch/insight-details POST=DescribeInsightDetails
/2021-01-01/opensearch/insight-feedback POST=InsightFeedback
/2021-01-01/opensearch/insights POST=ListInsights
/2021-01-01/opensearch/instanceTypeDetails/* GET=ListInstanceTypeDetails
/2021-01-01/opensearch/instanceTypeLimits/*/* GET=DescribeInstanceTypeLimits
/2021-01-01/opensearch/list-applications GET=ListApplications
/2021-01-01/opensearch/purchaseReservedInstanceOffering POST=PurchaseReservedInstanceOffering
/2021-01-01/opensearch/reservedInstanceOfferings GET=DescribeReservedInstanceOfferings
/2021-01-01/opensearch/reservedInstances GET=DescribeReservedInstances
/2021-01-01/opensearch/serviceSoftwareUpdate/cancel POST=CancelServiceSoftwareUpdate
/2021-01-01/opensearch/serviceSoftwareUpdate/rollback POST=RollbackServiceSoftwareUpdate
/2021-01-01/opensearch/serviceSoftwareUpdate/start POST=StartServiceSoftwareUpdate
/2021-01-01/opensearch/upgradeDomain POST=UpgradeDomain
/2021-01-01/opensearch/upgradeDomain/*/history GET=GetUpgradeHistory
/2021-01-01/opensearch/upgradeDomain/*/status GET=GetUpgradeStatus
/2021-01-01/opensearch/versions GET=ListVersions
/2021-01-01/opensearch/vpcEndpoints GET=ListVpcEndpoints POST=CreateVpcEndpoint
/2021-01-01/opensearch/vpcEndpoints/* DELETE=DeleteVpcEndpoint
/2021-01-01/opensearch/vpcEndpoints/describe POST=DescribeVpcEndpoints
/2021-01-01/opensearch/vpcEndpoints/update POST=UpdateVpcEndpoint
/2021-01-01/packages POST=CreatePackage
/2021-01-01/packages/* DELETE=DeletePackage
/2021-01-01/packages/*/domains GET=ListDomainsForPackage
/2021-01-01/packages/*/history GET=GetPackageVersionHistory
/2021-01-01/packages/associate/*/* POST=AssociatePackage
/2021-01-01/packages/associateMultiple POST=AssociatePackages
/2021-01-01/packages/describe POST=DescribePackages
/2021-01-01/packages/dissociate/*/* POST=DissociatePackage
/2021-01-01/packages/dissociateMultiple POST=DissociatePackages
/2021-01-01/packages/update POST=UpdatePackage
/2021-01-01/packages/updateScope POST=UpdatePackageScope
/2021-01-01/tags GET=ListTags POST=AddTags
/2021-01-01/tags-removal POST=RemoveTags
# grafana
/tags/* DELETE=UntagResource GET=ListTagsForResource POST=TagResource
/versions GET=ListVersions
/workspaces GET=ListWorkspaces POST=CreateWorkspace
/workspaces/* DELETE=DeleteWorkspace GET=DescribeWorkspace PUT=UpdateWorkspace
/workspaces/*/apikeys POST=CreateWorkspaceApiKey
/workspaces/*/apikeys/* DELETE=DeleteWorkspaceApiKey
/workspaces/*/authentication GET=DescribeWorkspaceAuthentication POST=UpdateWorkspaceAuthentication
/workspaces/*/configuration GET=DescribeWorkspaceConfiguration PUT=UpdateWorkspaceConfiguration
/workspaces/*/licenses/* DELETE=DisassociateLicense POST=AssociateLicense
/workspaces/*/permissions GET=ListPermissions PATCH=UpdatePermissions
/workspaces/*/serviceaccounts GET=ListWorkspaceServiceAccounts POST=CreateWorkspaceServiceAccount
/workspaces/*/serviceaccounts/* DELETE=DeleteWorkspaceServiceAccount
/workspaces/*/serviceaccounts/*/tokens GET=ListWorkspaceServiceAccountTokens POST=CreateWorkspaceServiceAccountToken
/workspaces/*/serviceaccounts/*/tokens/* DELETE=DeleteWorkspaceServiceAccountToken
# guardduty
/admin GET=ListOrganizationAdminAccounts
/admin/disable POST=DisableOrganizationAdminAccount
/admin/enable POST=EnableOrganizationAdminAccount
/custom-detection-rule/association GET=ListCustomDetectionRuleAssociations POST=CreateCustomDetectionRuleAssociation
/custom-detection-rule/org-configuration GET=ListCustomDetectionRuleOrgConfigurations POST=CreateCustomDetectionRuleOrgConfiguration
/custom-detection-rule/org-configuration/* DELETE=DeleteCustomDetectionRuleOrgConfiguration GET=GetCustomDetectionRuleOrgConfiguration PUT=UpdateCustomDetectionRuleOrgConfiguration
/custom-detection-rule/rule POST=ListCustomDetectionRules
/custom-detection-rule/rule/* GET=GetCustomDetectionRule
/custom-detection-rule/rule/*/association/* DELETE=DeleteCustomDetectionRuleAssociation GET=GetCustomDetectionRuleAssociation PUT=UpdateCustomDetectionRuleAssociation
/detector GET=ListDetectors POST=CreateDetector
/detector/* DELETE=DeleteDetector GET=GetDetector POST=UpdateDetector
/detector/*/admin GET=DescribeOrganizationConfiguration POST=UpdateOrganizationConfiguration
/detector/*/administrator GET=GetAdministratorAccount POST=AcceptAdministratorInvitation
/detector/*/administrator/disassociate POST=DisassociateFromAdministratorAccount
/detector/*/coverage POST=ListCoverage
/detector/*/coverage/statistics POST=GetCoverageStatistics
/detector/*/filter GET=ListFilters POST=CreateFilter
/detector/*/filter/* DELETE=DeleteFilter GET=GetFilter POST=UpdateFilter
/detector/*/findings POST=ListFindings
/detector/*/findings/archive POST=ArchiveFindings
/detector/*/findings/create POST=CreateSampleFindings
/detector/*/findings/feedback POST=UpdateFindingsFeedback
/detector/*/findings/get POST=GetFindings
/detector/*/findings/statistics POST=GetFindingsStatistics
/detector/*/findings/unarchive POST=UnarchiveFindings
/detector/*/freeTrial/daysRemaining POST=GetRemainingFreeTrialDays
/detector/*/investigation POST=CreateInvestigation
/detector/*/investigation/* GET=GetInvestigation
/detector/*/investigation/list POST=ListInvestigations
/detector/*/investigation/records POST=ListInvestigationRecords
/detector/*/ipset GET=ListIPSets POST=CreateIPSet
/detector/*/ipset/* DELETE=DeleteIPSet GET=GetIPSet POST=UpdateIPSet
/detector/*/malware-scan-settings GET=GetMalwareScanSettings POST=UpdateMalwareScanSettings
/detector/*/malware-scans POST=DescribeMalwareScans
/detector/*/master GET=GetMasterAccount POST=AcceptInvitation
/detector/*/master/disassociate POST=DisassociateFromMasterAccount
/detector/*/member GET=ListMembers POST=CreateMembers
/detector/*/member/delete POST=DeleteMembers
/detector/*/member/detector/get POST=GetMemberDetectors
/detector/*/member/detector/update POST=UpdateMemberDetectors
/detector/*/member/disassociate POST=DisassociateMembers
/detector/*/member/get POST=GetMembers
/detector/*/member/invite POST=InviteMembers
/detector/*/member/start POST=StartMonitoringMembers
/detector/*/member/stop POST=StopMonitoringMembers
/detector/*/publishingDestination GET=ListPublishingDestinations POST=CreatePublishingDestination
/detector/*/publishingDestination/* DELETE=DeletePublishingDestination GET=DescribePublishingDestination POST=UpdatePublishingDestination
/detector/*/threatentityset GET=ListThreatEntitySets POST=CreateThreatEntitySet
/detector/*/threatentityset/* DELETE=DeleteThreatEntitySet GET=GetThreatEntitySet POST=UpdateThreatEntitySet
/detector/*/threatintelset GET=ListThreatIntelSets POST=CreateThreatIntelSet
/detector/*/threatintelset/* DELETE=DeleteThreatIntelSet GET=GetThreatIntelSet POST=UpdateThreatIntelSet
/detector/*/trustedentityset GET=ListTrustedEntitySets POST=CreateTrustedEntitySet
/detector/*/trustedentityset/* DELETE=DeleteTrustedEntitySet GET=GetTrustedEntitySet POST=UpdateTrustedEntitySet
/detector/*/usage/statistics POST=GetUsageStatistics
/invitation GET=ListInvitations
/invitation/count GET=GetInvitationsCount
/invitation/decline POST=DeclineInvitations
/invitation/delete POST=DeleteInvitations
/malware-protection-plan GET=ListMalwareProtectionPlans POST=CreateMalwareProtectionPlan
/malware-protection-plan/* DELETE=DeleteMalwareProtectionPlan GET=GetMalwareProtectionPlan PATCH=UpdateMalwareProtectionPlan
/malware-scan POST=ListMalwareScans
/malware-scan/* GET=GetMalwareScan
/malware-scan/start POST=StartMalwareScan
/object-malware-scan/send POST=SendObjectMalwareScan
/organization/statistics GET=GetOrganizationStatistics
/tags/* DELETE=UntagResource GET=ListTagsForResource POST=TagResource
# inspector2
/accountpermissions/list POST=ListAccountPermissions
/cis/scan-configuration/create POST=CreateCisScanConfiguration
/cis/scan-configuration/delete POST=DeleteCisScanConfiguration
/cis/scan-configuration/list POST=ListCisScanConfigurations
/cis/scan-configuration/update POST=UpdateCisScanConfiguration
/cis/scan-result/check/list POST=ListCisScanResultsAggregatedByChecks
/cis/scan-result/details/get POST=GetCisScanResultDetails
/cis/scan-result/resource/list POST=ListCisScanResultsAggregatedByTargetResource
/cis/scan/list POST=ListCisScans
/cis/scan/report/get POST=GetCisScanReport
/cissession/health/send PUT=SendCisSessionHealth
/cissession/start PUT=StartCisSession
/cissession/stop PUT=StopCisSession
/cissession/telemetry/send PUT=SendCisSessionTelemetry
/cluster/get POST=GetClustersForImage
/codesecurity/integration/create POST=CreateCodeSecurityIntegration
/codesecurity/integration/delete POST=DeleteCodeSecurityIntegration
/codesecurity/integration/get POST=GetCodeSecurityIntegration
/codesecurity/integration/list POST=ListCodeSecurityIntegrations
/codesecurity/integration/update POST=UpdateCodeSecurityIntegration
/codesecurity/scan-configuration/associations/list POST=ListCodeSecurityScanConfigurationAssociations
/codesecurity/scan-configuration/batch/associate POST=BatchAssociateCodeSecurityScanConfiguration
/codesecurity/scan-configuration/batch/disassociate POST=BatchDisassociateCodeSecurityScanConfiguration
/codesecurity/scan-configuration/create POST=CreateCodeSecurityScanConfiguration
/codesecurity/scan-configuration/delete POST=DeleteCodeSecurityScanConfiguration
/codesecurity/scan-configuration/get POST=GetCodeSecurityScanConfiguration
/codesecurity/scan-configuration/list POST=ListCodeSecurityScanConfigurations
/codesecurity/scan-configuration/update POST=UpdateCodeSecurityScanConfiguration
/codesecurity/scan/get POST=GetCodeSecurityScan
/codesecurity/scan/start POST=StartCodeSecurityScan
/codesnippet/batchget POST=BatchGetCodeSnippet
/configuration/get POST=GetConfiguration
/configuration/update POST=UpdateConfiguration
/connector/create POST=CreateConnector
/connector/delete POST=DeleteConnector
/connector/list POST=ListConnectors
/connector/update POST=UpdateConnector
/connectorscanconfiguration/update POST=UpdateConnectorScanConfiguration
/connectorscanconfigurations/list POST=ListConnectorScanConfigurations
/coverage/list POST=ListCoverage
/coverage/statistics/list POST=ListCoverageStatistics
/delegatedadminaccounts/disable POST=DisableDelegatedAdminAccount
/delegatedadminaccounts/enable POST=EnableDelegatedAdminAccount
/delegatedadminaccounts/get POST=GetDelegatedAdminAccount
/delegatedadminaccounts/list POST=ListDelegatedAdminAccounts
/disable POST=Disable
/ec2deepinspectionconfiguration/get POST=GetEc2DeepInspectionConfiguration
/ec2deepinspectionconfiguration/org/update POST=UpdateOrgEc2DeepInspectionConfiguration
/ec2deepinspectionconfiguration/update POST=UpdateEc2DeepInspectionConfiguration
/ec2deepinspectionstatus/member/batch/get POST=BatchGetMemberEc2DeepInspectionStatus
/ec2deepinspectionstatus/member/batch/update POST=BatchUpdateMemberEc2DeepInspectionStatus
/enable POST=Enable
/encryptionkey/get GET=GetEncryptionKey
/encryptionkey/reset PUT=ResetEncryptionKey
/encryptionkey/update PUT=UpdateEncryptionKey
/filters/create POST=CreateFilter
/filters/delete POST=DeleteFilter
/filters/list POST=ListFilters
/filters/update POST=UpdateFilter
/findings/aggregation/list POST=ListFindingAggregations
/findings/details/batch/get POST=BatchGetFindingDetails
/findings/list POST=ListFindings
/freetrialinfo/batchget POST=BatchGetFreeTrialInfo
/members/associate POST=AssociateMember
/members/disassociate POST=DisassociateMember
/members/get POST=GetMember
/members/list POST=ListMembers
/ondemand/scan POST=StartOnDemandScan
/ondemand/scan/status POST=GetOnDemandScanStatus
/ondemand/scans POST=ListOnDemandScans
/organizationconfiguration/describe POST=DescribeOrganizationConfiguration
/organizationconfiguration/update POST=UpdateOrganizationConfiguration
/reporting/cancel POST=CancelFindingsReport
/reporting/create POST=CreateFindingsReport
/reporting/status/get POST=GetFindingsReportStatus
/sbomexport/cancel POST=CancelSbomExport
/sbomexport/create POST=CreateSbomExport
/sbomexport/get POST=GetSbomExport
/status/batch/get POST=BatchGetAccountStatus
/tags/* DELETE=UntagResource GET=ListTagsForResource POST=TagResource
/usage/list POST=ListUsageTotals
/vulnerabilities/search POST=SearchVulnerabilities
# kafka
/api/v2/clusters GET=ListClustersV2 POST=CreateClusterV2
/api/v2/clusters/* GET=DescribeClusterV2
/api/v2/clusters/*/operations GET=ListClusterOperationsV2
/api/v2/operations/* GET=DescribeClusterOperationV2
/replication/v1/replicators GET=ListReplicators POST=CreateReplicator
/replication/v1/replicators/* DELETE=DeleteReplicator GET=DescribeReplicator
/replication/v1/replicators/*/replication-info PUT=UpdateReplicationInfo
/v1/clusters GET=ListClusters POST=CreateCluster
/v1/clusters/* DELETE=DeleteCluster GET=DescribeCluster
/v1/clusters/*/bootstrap-brokers GET=GetBootstrapBrokers
/v1/clusters/*/channels GET=ListChannels POST=CreateChannel
/v1/clusters/*/channels/* DELETE=DeleteChannel GET=DescribeChannel PUT=UpdateChannel
/v1/clusters/*/client-vpc-connection PUT=RejectClientVpcConnection
/v1/clusters/*/client-vpc-connections GET=ListClientVpcConnections
/v1/clusters/*/configuration PUT=UpdateClusterConfiguration
/v1/clusters/*/connectivity PUT=UpdateConnectivity
/v1/clusters/*/monitoring PUT=UpdateMonitoring
/v1/clusters/*/nodes GET=ListNodes
/v1/clusters/*/nodes/count PUT=UpdateBrokerCount
/v1/clusters/*/nodes/storage PUT=UpdateBrokerStorage
/v1/clusters/*/nodes/type PUT=UpdateBrokerType
/v1/clusters/*/operations GET=ListClusterOperations
/v1/clusters/*/policy DELETE=DeleteClusterPolicy GET=GetClusterPolicy PUT=PutClusterPolicy
/v1/clusters/*/rebalancing PUT=UpdateRebalancing
/v1/clusters/*/reboot-broker PUT=RebootBroker
/v1/clusters/*/scram-secrets GET=ListScramSecrets PATCH=BatchDisassociateScramSecret POST=BatchAssociateScramSecret
/v1/clusters/*/security PATCH=UpdateSecurity
/v1/clusters/*/storage PUT=UpdateStorage
/v1/clusters/*/topics GET=ListTopics POST=CreateTopic
/v1/clusters/*/topics/* DELETE=DeleteTopic GET=DescribeTopic PUT=UpdateTopic
/v1/clusters/*/topics/*/partitions GET=DescribeTopicPartitions
/v1/clusters/*/version PUT=UpdateClusterKafkaVersion
/v1/compatible-kafka-versions GET=GetCompatibleKafkaVersions
/v1/configurations GET=ListConfigurations POST=CreateConfiguration
/v1/configurations/* DELETE=DeleteConfiguration GET=DescribeConfiguration PUT=UpdateConfiguration
/v1/configurations/*/revisions GET=ListConfigurationRevisions
/v1/configurations/*/revisions/* GET=DescribeConfigurationRevision
/v1/kafka-versions GET=ListKafkaVersions
/v1/operations/* GET=DescribeClusterOperation
/v1/tags/* DELETE=UntagResource GET=ListTagsForResource POST=TagResource
/v1/vpc-connection POST=CreateVpcConnection
/v1/vpc-connection/* DELETE=DeleteVpcConnection GET=DescribeVpcConnection
/v1/vpc-connections GET=ListVpcConnections
# kafkaconnect
/v1/connectorOperations/* GET=DescribeConnectorOperation
/v1/connectors GET=ListConnectors POST=CreateConnector
/v1/connectors/* DELETE=DeleteConnector GET=DescribeConnector PUT=UpdateConnector
/v1/connectors/*/operations GET=ListConnectorOperations
/v1/connectors/*/pause PUT=PauseConnector
/v1/connectors/*/restart POST=RestartConnector
/v1/connectors/*/resume PUT=ResumeConnector
/v1/custom-plugins GET=ListCustomPlugins POST=CreateCustomPlugin
/v1/custom-plugins/* DELETE=DeleteCustomPlugin GET=DescribeCustomPlugin
/v1/tags/* DELETE=UntagResource GET=ListTagsForResource POST=TagResource
/v1/worker-configurations GET=ListWorkerConfigurations POST=CreateWorkerConfiguration
/v1/worker-configurations/* DELETE=DeleteWorkerConfiguration GET=DescribeWorkerConfiguration
# lambda
/2014-11-13/functions/*/invoke-async POST=InvokeAsync
/2015-03-31/event-source-mappings GET=ListEventSourceMappings POST=CreateEventSourceMapping
/2015-03-31/event-source-mappings/* DELETE=DeleteEventSourceMapping GET=GetEventSourceMapping PUT=UpdateEventSourceMapping
/2015-03-31/functions GET=ListFunctions POST=CreateFunction
/2015-03-31/functions/* DELETE=DeleteFunction GET=GetFunction
/2015-03-31/functions/*/aliases GET=ListAliases POST=CreateAlias
/2015-03-31/functions/*/aliases/* DELETE=DeleteAlias GET=GetAlias PUT=UpdateAlias
/2015-03-31/functions/*/code PUT=UpdateFunctionCode
/2015-03-31/functions/*/configuration GET=GetFunctionConfiguration PUT=UpdateFunctionConfiguration
/2015-03-31/functions/*/invocations POST=Invoke
/2015-03-31/functions/*/policy GET=GetPolicy POST=AddPermission
/2015-03-31/functions/*/policy/* DELETE=RemovePermission
/2015-03-31/functions/*/versions GET=ListVersionsByFunction POST=PublishVersion
/2016-08-19/account-settings GET=GetAccountSettings
/2017-03-31/tags/* DELETE=UntagResource GET=ListTags POST=TagResource
/2017-10-31/functions/*/concurrency DELETE=DeleteFunctionConcurrency PUT=PutFunctionConcurrency
/2018-10-31/layers GET=ListLayers
/2018-10-31/layers/*/versions GET=ListLayerVersions POST=PublishLayerVersion
/2018-10-31/layers/*/versions/* DELETE=DeleteLayerVersion GET=GetLayerVersion
/2018-10-31/layers/*/versions/*/policy GET=GetLayerVersionPolicy POST=AddLayerVersionPermission
/2018-10-31/layers/*/versions/*/policy/* DELETE=RemoveLayerVersionPermission
/2018-10-31/layers?find=LayerVersion GET=GetLayerVersionByArn
/2019-09-25/functions/*/event-invoke-config DELETE=DeleteFunctionEventInvokeConfig GET=GetFunctionEventInvokeConfig POST=UpdateFunctionEventInvokeConfig PUT=PutFunctionEventInvokeConfig
/2019-09-25/functions/*/event-invoke-config/list GET=ListFunctionEventInvokeConfigs
/2019-09-30/functions/*/concurrency GET=GetFunctionConcurrency
/2019-09-30/functions/*/provisioned-concurrency DELETE=DeleteProvisionedConcurrencyConfig GET=GetProvisionedConcurrencyConfig PUT=PutProvisionedConcurrencyConfig
/2019-09-30/functions/*/provisioned-concurrency?List=ALL GET=ListProvisionedConcurrencyConfigs
/2020-04-22/code-signing-configs GET=ListCodeSigningConfigs POST=CreateCodeSigningConfig
/2020-04-22/code-signing-configs/* DELETE=DeleteCodeSigningConfig GET=GetCodeSigningConfig PUT=UpdateCodeSigningConfig
/2020-04-22/code-signing-configs/*/functions GET=ListFunctionsByCodeSigningConfig
/2020-06-30/functions/*/code-signing-config DELETE=DeleteFunctionCodeSigningConfig GET=GetFunctionCodeSigningConfig PUT=PutFunctionCodeSigningConfig
/2021-07-20/functions/*/runtime-management-config GET=GetRuntimeManagementConfig PUT=PutRuntimeManagementConfig
/2021-10-31/functions/*/url DELETE=DeleteFunctionUrlConfig GET=GetFunctionUrlConfig POST=CreateFunctionUrlConfig PUT=UpdateFunctionUrlConfig
/2021-10-31/functions/*/urls GET=ListFunctionUrlConfigs
/2021-11-15/functions/*/response-streaming-invocations POST=InvokeWithResponseStream
/2024-08-31/functions/*/recursion-config GET=GetFunctionRecursionConfig PUT=PutFunctionRecursionConfig
/2025-11-30/capacity-providers GET=ListCapacityProviders POST=CreateCapacityProvider
/2025-11-30/capacity-providers/* DELETE=DeleteCapacityProvider GET=GetCapacityProvider PUT=UpdateCapacityProvider
/2025-11-30/capacity-providers/*/function-versions GET=ListFunctionVersionsByCapacityProvider
/2025-11-30/functions/*/function-scaling-config GET=GetFunctionScalingConfig PUT=PutFunctionScalingConfig
/2025-12-01/durable-execution-callbacks/*/fail POST=SendDurableExecutionCallbackFailure
/2025-12-01/durable-execution-callbacks/*/heartbeat POST=SendDurableExecutionCallbackHeartbeat
/2025-12-01/durable-execution-callbacks/*/succeed POST=SendDurableExecutionCallbackSuccess
/2025-12-01/durable-executions/* DELETE=DeleteDurableExecution GET=GetDurableExecution
/2025-12-01/durable-executions/*/checkpoint POST=CheckpointDurableExecution
/2025-12-01/durable-executions/*/history GET=GetDurableExecutionHistory
/2025-12-01/durable-executions/*/pause POST=PauseDurableExecution
/2025-12-01/durable-executions/*/resume POST=ResumeDurableExecution
/2025-12-01/durable-executions/*/state GET=GetDurableExecutionState
/2025-12-01/durable-executions/*/stop POST=StopDurableExecution
/2025-12-01/functions/*/durable-executions GET=ListDurableExecutionsByFunction
/2026-07-09/resource-policy/* DELETE=DeleteResourcePolicy GET=GetResourcePolicy PUT=PutResourcePolicy
# mq
/v1/broker-engine-types GET=DescribeBrokerEngineTypes
/v1/broker-instance-options GET=DescribeBrokerInstanceOptions
/v1/brokers GET=ListBrokers POST=CreateBroker
/v1/brokers/* DELETE=DeleteBroker GET=DescribeBroker PUT=UpdateBroker
/v1/brokers/*/promote POST=Promote
/v1/brokers/*/reboot POST=RebootBroker
/v1/brokers/*/shared-resources GET=DescribeSharedResources
/v1/brokers/*/users GET=ListUsers
/v1/brokers/*/users/* DELETE=DeleteUser GET=DescribeUser POST=CreateUser PUT=UpdateUser
/v1/configurations GET=ListConfigurations POST=CreateConfiguration
/v1/configurations/* DELETE=DeleteConfiguration GET=DescribeConfiguration PUT=UpdateConfiguration
/v1/configurations/*/revisions GET=ListConfigurationRevisions
/v1/configurations/*/revisions/* GET=DescribeConfigurationRevision
/v1/tags/* DELETE=DeleteTags GET=ListTags POST=CreateTags
# oam
/CreateLink POST=CreateLink
/CreateSink POST=CreateSink
/DeleteLink POST=DeleteLink
/DeleteSink POST=DeleteSink
/GetLink POST=GetLink
/GetSink POST=GetSink
/GetSinkPolicy POST=GetSinkPolicy
/ListAttachedLinks POST=ListAttachedLinks
/ListLinks POST=ListLinks
/ListSinks POST=ListSinks
/PutSinkPolicy POST=PutSinkPolicy
/UpdateLink POST=UpdateLink
/tags/* DELETE=UntagResource GET=ListTagsForResource PUT=TagResource
# oidc
/client/register POST=RegisterClient
/device_authorization POST=StartDeviceAuthorization
/token POST=CreateToken
/token?aws_iam=t POST=CreateTokenWithIAM
# osis
/2022-01-01/osis/createPipeline POST=CreatePipeline
/2022-01-01/osis/createPipelineEndpoint POST=CreatePipelineEndpoint
/2022-01-01/osis/deletePipeline/* DELETE=DeletePipeline
/2022-01-01/osis/deletePipelineEndpoint/* DELETE=DeletePipelineEndpoint
/2022-01-01/osis/getPipeline/* GET=GetPipeline
/2022-01-01/osis/getPipelineBlueprint/* GET=GetPipelineBlueprint
/2022-01-01/osis/getPipelineChangeProgress/* GET=GetPipelineChangeProgress
/2022-01-01/osis/listPipelineBlueprints POST=ListPipelineBlueprints
/2022-01-01/osis/listPipelineEndpointConnections GET=ListPipelineEndpointConnections
/2022-01-01/osis/listPipelineEndpoints GET=ListPipelineEndpoints
/2022-01-01/osis/listPipelines GET=ListPipelines
/2022-01-01/osis/listTagsForResource GET=ListTagsForResource
/2022-01-01/osis/resourcePolicy/* DELETE=DeleteResourcePolicy GET=GetResourcePolicy PUT=PutResourcePolicy
/2022-01-01/osis/revokePipelineEndpointConnections POST=RevokePipelineEndpointConnections
/2022-01-01/osis/startPipeline/* PUT=StartPipeline
/2022-01-01/osis/stopPipeline/* PUT=StopPipeline
/2022-01-01/osis/tagResource POST=TagResource
/2022-01-01/osis/untagResource POST=UntagResource
/2022-01-01/osis/updatePipeline/* PUT=UpdatePipeline
/2022-01-01/osis/validatePipeline POST=ValidatePipeline
# pipes
/tags/* DELETE=UntagResource GET=ListTagsForResource POST=TagResource
/v1/pipes GET=ListPipes
/v1/pipes/* DELETE=DeletePipe GET=DescribePipe POST=CreatePipe PUT=UpdatePipe
/v1/pipes/*/start POST=StartPipe
/v1/pipes/*/stop POST=StopPipe
# polly
/v1/lexicons GET=ListLexicons
/v1/lexicons/* DELETE=DeleteLexicon GET=GetLexicon PUT=PutLexicon
/v1/listTagsForResource GET=ListTagsForResource
/v1/speech POST=SynthesizeSpeech
/v1/synthesisStream POST=StartSpeechSynthesisStream
/v1/synthesisTasks GET=ListSpeechSynthesisTasks POST=StartSpeechSynthesisTask
/v1/synthesisTasks/* GET=GetSpeechSynthesisTask
/v1/tagResource POST=TagResource
/v1/untagResource POST=UntagResource
/v1/voices GET=DescribeVoices
# portal.sso
/assignment/accounts GET=ListAccounts
/assignment/roles GET=ListAccountRoles
/federation/credentials GET=GetRoleCredentials
/logout POST=Logout
# ram
/acceptresourceshareinvitation POST=AcceptResourceShareInvitation
/associateresourceshare POST=AssociateResourceShare
/associateresourcesharepermission POST=AssociateResourceSharePermission
/createpermission POST=CreatePermission
/createpermissionversion POST=CreatePermissionVersion
/createresourceshare POST=CreateResourceShare
/deletepermission DELETE=DeletePermission
/deletepermissionversion DELETE=DeletePermissionVersion
/deleteresourceshare DELETE=DeleteResourceShare
/disassociateresourceshare POST=DisassociateResourceShare
/disassociateresourcesharepermission POST=DisassociateResourceSharePermission
/enablesharingwithawsorganization POST=EnableSharingWithAwsOrganization
/getpermission POST=GetPermission
/getresourcepolicies POST=GetResourcePolicies
/getresourceshareassociations POST=GetResourceShareAssociations
/getresourceshareinvitations POST=GetResourceShareInvitations
/getresourceshares POST=GetResourceShares
/listpendinginvitationresources POST=ListPendingInvitationResources
/listpermissionassociations POST=ListPermissionAssociations
/listpermissions POST=ListPermissions
/listpermissionversions POST=ListPermissionVersions
/listprincipals POST=ListPrincipals
/listreplacepermissionassociationswork POST=ListReplacePermissionAssociationsWork
/listresources POST=ListResources
/listresourcesharepermissions POST=ListResourceSharePermissions
/listresourcetypes POST=ListResourceTypes
/listsourceassociations POST=ListSourceAssociations
/promotepermissioncreatedfrompolicy POST=PromotePermissionCreatedFromPolicy
/promoteresourcesharecreatedfrompolicy POST=PromoteResourceShareCreatedFromPolicy
/rejectresourceshareinvitation POST=RejectResourceShareInvitation
/replacepermissionassociations POST=ReplacePermissionAssociations
/setdefaultpermissionversion POST=SetDefaultPermissionVersion
/tagresource POST=TagResource
/untagresource POST=UntagResource
/updatepermission POST=UpdatePermission
/updateresourceshare POST=UpdateResourceShare
# rds-data
/BatchExecute POST=BatchExecuteStatement
/BeginTransaction POST=BeginTransaction
/CommitTransaction POST=CommitTransaction
/Execute POST=ExecuteStatement
/ExecuteSql POST=ExecuteSql
/RollbackTransaction POST=RollbackTransaction
# resource-groups
/cancel-tag-sync-task POST=CancelTagSyncTask
/delete-group POST=DeleteGroup
/get-account-settings POST=GetAccountSettings
/get-group POST=GetGroup
/get-group-configuration POST=GetGroupConfiguration
/get-group-query POST=GetGroupQuery
/get-tag-sync-task POST=GetTagSyncTask
/group-resources POST=GroupResources
/groups POST=CreateGroup
/groups-list POST=ListGroups
/list-group-resources POST=ListGroupResources
/list-grouping-statuses POST=ListGroupingStatuses
/list-tag-sync-tasks POST=ListTagSyncTasks
/put-group-configuration POST=PutGroupConfiguration
/resources/*/tags GET=GetTags PATCH=Untag PUT=Tag
/resources/search POST=SearchResources
/start-tag-sync-task POST=StartTagSyncTask
/ungroup-resources POST=UngroupResources
/update-account-settings POST=UpdateAccountSettings
/update-group POST=UpdateGroup
/update-group-query POST=UpdateGroupQuery
# rolesanywhere
/ListTagsForResource GET=ListTagsForResource
/TagResource POST=TagResource
/UntagResource POST=UntagResource
/crl/* DELETE=DeleteCrl GET=GetCrl PATCH=UpdateCrl
/crl/*/disable POST=DisableCrl
/crl/*/enable POST=EnableCrl
/crls GET=ListCrls POST=ImportCrl
/profile/* DELETE=DeleteProfile GET=GetProfile PATCH=UpdateProfile
/profile/*/disable POST=DisableProfile
/profile/*/enable POST=EnableProfile
/profiles GET=ListProfiles POST=CreateProfile
/profiles/*/mappings DELETE=DeleteAttributeMapping PUT=PutAttributeMapping
/put-notifications-settings PATCH=PutNotificationSettings
/reset-notifications-settings PATCH=ResetNotificationSettings
/subject/* GET=GetSubject
/subjects GET=ListSubjects
/trustanchor/* DELETE=DeleteTrustAnchor GET=GetTrustAnchor PATCH=UpdateTrustAnchor
/trustanchor/*/disable POST=DisableTrustAnchor
/trustanchor/*/enable POST=EnableTrustAnchor
/trustanchors GET=ListTrustAnchors POST=CreateTrustAnchor
# route53
/2013-04-01/accountlimit/* GET=GetAccountLimit
/2013-04-01/change/* GET=GetChange
/2013-04-01/checkeripranges GET=GetCheckerIpRanges
/2013-04-01/cidrcollection GET=ListCidrCollections POST=CreateCidrCollection
/2013-04-01/cidrcollection/* DELETE=DeleteCidrCollection GET=ListCidrLocations POST=ChangeCidrCollection
/2013-04-01/cidrcollection/*/cidrblocks GET=ListCidrBlocks
/2013-04-01/delegationset GET=ListReusableDelegationSets POST=CreateReusableDelegationSet
/2013-04-01/delegationset/* DELETE=DeleteReusableDelegationSet GET=GetReusableDelegationSet
/2013-04-01/geolocation GET=GetGeoLocation
/2013-04-01/geolocations GET=ListGeoLocations
/2013-04-01/healthcheck GET=ListHealthChecks POST=CreateHealthCheck
/2013-04-01/healthcheck/* DELETE=DeleteHealthCheck GET=GetHealthCheck POST=UpdateHealthCheck
/2013-04-01/healthcheck/*/lastfailurereason GET=GetHealthCheckLastFailureReason
/2013-04-01/healthcheck/*/status GET=GetHealthCheckStatus
/2013-04-01/healthcheckcount GET=GetHealthCheckCount
/2013-04-01/hostedzone GET=ListHostedZones POST=CreateHostedZone
/2013-04-01/hostedzone/* DELETE=DeleteHostedZone GET=GetHostedZone POST=UpdateHostedZoneComment
/2013-04-01/hostedzone/*/associatevpc POST=AssociateVPCWithHostedZone
/2013-04-01/hostedzone/*/authorizevpcassociation GET=ListVPCAssociationAuthorizations POST=CreateVPCAssociationAuthorization
/2013-04-01/hostedzone/*/deauthorizevpcassociation POST=DeleteVPCAssociationAuthorization
/2013-04-01/hostedzone/*/disable-dnssec POST=DisableHostedZoneDNSSEC
/2013-04-01/hostedzone/*/disassociatevpc POST=DisassociateVPCFromHostedZone
/2013-04-01/hostedzone/*/dnssec GET=GetDNSSEC
/2013-04-01/hostedzone/*/enable-dnssec POST=EnableHostedZoneDNSSEC
/2013-04-01/hostedzone/*/features POST=UpdateHostedZoneFeatures
/2013-04-01/hostedzone/*/rrset GET=ListResourceRecordSets POST=ChangeResourceRecordSets
/2013-04-01/hostedzone/*/rrsetprotection GET=ListResourceRecordSetProtections POST=CreateResourceRecordSetProtections
/2013-04-01/hostedzone/*/rrsetprotection/delete POST=DeleteResourceRecordSetProtections
/2013-04-01/hostedzonecount GET=GetHostedZoneCount
/2013-04-01/hostedzonelimit/*/* GET=GetHostedZoneLimit
/2013-04-01/hostedzonesbyname GET=ListHostedZonesByName
/2013-04-01/hostedzonesbyvpc GET=ListHostedZonesByVPC
/2013-04-01/keysigningkey POST=CreateKeySigningKey
/2013-04-01/keysigningkey/*/* DELETE=DeleteKeySigningKey
/2013-04-01/keysigningkey/*/*/activate POST=ActivateKeySigningKey
/2013-04-01/keysigningkey/*/*/deactivate POST=DeactivateKeySigningKey
/2013-04-01/queryloggingconfig GET=ListQueryLoggingConfigs POST=CreateQueryLoggingConfig
/2013-04-01/queryloggingconfig/* DELETE=DeleteQueryLoggingConfig GET=GetQueryLoggingConfig
/2013-04-01/reusabledelegationsetlimit/*/* GET=GetReusableDelegationSetLimit
/2013-04-01/tags/* POST=ListTagsForResources
/2013-04-01/tags/*/* GET=ListTagsForResource POST=ChangeTagsForResource
/2013-04-01/testdnsanswer GET=TestDNSAnswer
/2013-04-01/trafficpolicies GET=ListTrafficPolicies
/2013-04-01/trafficpolicies/*/versions GET=ListTrafficPolicyVersions
/2013-04-01/trafficpolicy POST=CreateTrafficPolicy
/2013-04-01/trafficpolicy/* POST=CreateTrafficPolicyVersion
/2013-04-01/trafficpolicy/*/* DELETE=DeleteTrafficPolicy GET=GetTrafficPolicy POST=UpdateTrafficPolicyComment
/2013-04-01/trafficpolicyinstance POST=CreateTrafficPolicyInstance
/2013-04-01/trafficpolicyinstance/* DELETE=DeleteTrafficPolicyInstance GET=GetTrafficPolicyInstance POST=UpdateTrafficPolicyInstance
/2013-04-01/trafficpolicyinstancecount GET=GetTrafficPolicyInstanceCount
/2013-04-01/trafficpolicyinstances GET=ListTrafficPolicyInstances
/2013-04-01/trafficpolicyinstances/hostedzone GET=ListTrafficPolicyInstancesByHostedZone
/2013-04-01/trafficpolicyinstances/trafficpolicy GET=ListTrafficPolicyInstancesByPolicy
# runtime.sagemaker
/endpoints/*/async-invocations POST=InvokeEndpointAsync
/endpoints/*/invocations POST=InvokeEndpoint
/endpoints/*/invocations-response-stream POST=InvokeEndpointWithResponseStream
# s3
/ GET=ListBuckets,ListDirectoryBuckets
/* DELETE=DeleteBucket GET=ListObjects HEAD=HeadBucket PUT=CreateBucket
/*/** DELETE=AbortMultipartUpload,DeleteObject GET=GetObject,ListParts HEAD=HeadObject POST=CompleteMultipartUpload PUT=CopyObject,PutObject,UploadPart,UploadPartCopy
/*/**?acl GET=GetObjectAcl PUT=PutObjectAcl
/*/**?annotation DELETE=DeleteObjectAnnotation GET=GetObjectAnnotation,ListObjectAnnotations PUT=PutObjectAnnotation
/*/**?attributes GET=GetObjectAttributes
/*/**?encryption PUT=UpdateObjectEncryption
/*/**?legal-hold GET=GetObjectLegalHold PUT=PutObjectLegalHold
/*/**?renameObject PUT=RenameObject
/*/**?restore POST=RestoreObject
/*/**?retention GET=GetObjectRetention PUT=PutObjectRetention
/*/**?select&select-type=2 POST=SelectObjectContent
/*/**?tagging DELETE=DeleteObjectTagging GET=GetObjectTagging PUT=PutObjectTagging
/*/**?torrent GET=GetObjectTorrent
/*/**?uploads POST=CreateMultipartUpload
/*?abac GET=GetBucketAbac PUT=PutBucketAbac
/*?accelerate GET=GetBucketAccelerateConfiguration PUT=PutBucketAccelerateConfiguration
/*?acl GET=GetBucketAcl PUT=PutBucketAcl
/*?analytics DELETE=DeleteBucketAnalyticsConfiguration GET=GetBucketAnalyticsConfiguration,ListBucketAnalyticsConfigurations PUT=PutBucketAnalyticsConfiguration
/*?cors DELETE=DeleteBucketCors GET=GetBucketCors PUT=PutBucketCors
/*?delete POST=DeleteObjects
/*?encryption DELETE=DeleteBucketEncryption GET=GetBucketEncryption PUT=PutBucketEncryption
/*?intelligent-tiering DELETE=DeleteBucketIntelligentTieringConfiguration GET=GetBucketIntelligentTieringConfiguration,ListBucketIntelligentTieringConfigurations PUT=PutBucketIntelligentTieringConfiguration
/*?inventory DELETE=DeleteBucketInventoryConfiguration GET=GetBucketInventoryConfiguration,ListBucketInventoryConfigurations PUT=PutBucketInventoryConfiguration
/*?lifecycle DELETE=DeleteBucketLifecycle GET=GetBucketLifecycle,GetBucketLifecycleConfiguration PUT=PutBucketLifecycle,PutBucketLifecycleConfiguration
/*?list-type=2 GET=ListObjectsV2
/*?location GET=GetBucketLocation
/*?logging GET=GetBucketLogging PUT=PutBucketLogging
/*?metadataAnnotationTable PUT=UpdateBucketMetadataAnnotationTableConfiguration
/*?metadataConfiguration DELETE=DeleteBucketMetadataConfiguration GET=GetBucketMetadataConfiguration POST=CreateBucketMetadataConfiguration
/*?metadataInventoryTable PUT=UpdateBucketMetadataInventoryTableConfiguration
/*?metadataJournalTable PUT=UpdateBucketMetadataJournalTableConfiguration
/*?metadataTable DELETE=DeleteBucketMetadataTableConfiguration GET=GetBucketMetadataTableConfiguration POST=CreateBucketMetadataTableConfiguration
/*?metrics DELETE=DeleteBucketMetricsConfiguration GET=GetBucketMetricsConfiguration,ListBucketMetricsConfigurations PUT=PutBucketMetricsConfiguration
/*?notification GET=GetBucketNotification,GetBucketNotificationConfiguration PUT=PutBucketNotification,PutBucketNotificationConfiguration
/*?object-lock GET=GetObjectLockConfiguration PUT=PutObjectLockConfiguration
/*?ownershipControls DELETE=DeleteBucketOwnershipControls GET=GetBucketOwnershipControls PUT=PutBucketOwnershipControls
/*?policy DELETE=DeleteBucketPolicy GET=GetBucketPolicy PUT=PutBucketPolicy
/*?policyStatus GET=GetBucketPolicyStatus
/*?publicAccessBlock DELETE=DeletePublicAccessBlock GET=GetPublicAccessBlock PUT=PutPublicAccessBlock
/*?replication DELETE=DeleteBucketReplication GET=GetBucketReplication PUT=PutBucketReplication
/*?requestPayment GET=GetBucketRequestPayment PUT=PutBucketRequestPayment
/*?session GET=CreateSession
/*?tagging DELETE=DeleteBucketTagging GET=GetBucketTagging PUT=PutBucketTagging
/*?uploads GET=ListMultipartUploads
/*?versioning GET=GetBucketVersioning PUT=PutBucketVersioning
/*?versions GET=ListObjectVersions
/*?website DELETE=DeleteBucketWebsite GET=GetBucketWebsite PUT=PutBucketWebsite
/WriteGetObjectResponse POST=WriteGetObjectResponse
# s3-control
/v20180820/accessgrantsinstance DELETE=DeleteAccessGrantsInstance GET=GetAccessGrantsInstance POST=CreateAccessGrantsInstance
/v20180820/accessgrantsinstance/caller/grants GET=ListCallerAccessGrants
/v20180820/accessgrantsinstance/dataaccess GET=GetDataAccess
/v20180820/accessgrantsinstance/grant POST=CreateAccessGrant
/v20180820/accessgrantsinstance/grant/* DELETE=DeleteAccessGrant GET=GetAccessGrant
/v20180820/accessgrantsinstance/grants GET=ListAccessGrants
/v20180820/accessgrantsinstance/identitycenter DELETE=DissociateAccessGrantsIdentityCenter POST=AssociateAccessGrantsIdentityCenter
/v20180820/accessgrantsinstance/location POST=CreateAccessGrantsLocation
/v20180820/accessgrantsinstance/location/* DELETE=DeleteAccessGrantsLocation GET=GetAccessGrantsLocation PUT=UpdateAccessGrantsLocation
/v20180820/accessgrantsinstance/locations GET=ListAccessGrantsLocations
/v20180820/accessgrantsinstance/prefix GET=GetAccessGrantsInstanceForPrefix
/v20180820/accessgrantsinstance/resourcepolicy DELETE=DeleteAccessGrantsInstanceResourcePolicy GET=GetAccessGrantsInstanceResourcePolicy PUT=PutAccessGrantsInstanceResourcePolicy
/v20180820/accessgrantsinstances GET=ListAccessGrantsInstances
/v20180820/accesspoint GET=ListAccessPoints
/v20180820/accesspoint/* DELETE=DeleteAccessPoint GET=GetAccessPoint PUT=CreateAccessPoint
/v20180820/accesspoint/*/policy DELETE=DeleteAccessPointPolicy GET=GetAccessPointPolicy PUT=PutAccessPointPolicy
/v20180820/accesspoint/*/policyStatus GET=GetAccessPointPolicyStatus
/v20180820/accesspoint/*/scope DELETE=DeleteAccessPointScope GET=GetAccessPointScope PUT=PutAccessPointScope
/v20180820/accesspointfordirectory GET=ListAccessPointsForDirectoryBuckets
/v20180820/accesspointforobjectlambda GET=ListAccessPointsForObjectLambda
/v20180820/accesspointforobjectlambda/* DELETE=DeleteAccessPointForObjectLambda GET=GetAccessPointForObjectLambda PUT=CreateAccessPointForObjectLambda
/v20180820/accesspointforobjectlambda/*/configuration GET=GetAccessPointConfigurationForObjectLambda PUT=PutAccessPointConfigurationForObjectLambda
/v20180820/accesspointforobjectlambda/*/policy DELETE=DeleteAccessPointPolicyForObjectLambda GET=GetAccessPointPolicyForObjectLambda PUT=PutAccessPointPolicyForObjectLambda
/v20180820/accesspointforobjectlambda/*/policyStatus GET=GetAccessPointPolicyStatusForObjectLambda
/v20180820/async-requests/mrap/** GET=DescribeMultiRegionAccessPointOperation
/v20180820/async-requests/mrap/create POST=CreateMultiRegionAccessPoint
/v20180820/async-requests/mrap/delete POST=DeleteMultiRegionAccessPoint
/v20180820/async-requests/mrap/put-policy POST=PutMultiRegionAccessPointPolicy
/v20180820/bucket GET=ListRegionalBuckets
/v20180820/bucket/* DELETE=DeleteBucket GET=GetBucket PUT=CreateBucket
/v20180820/bucket/*/lifecycleconfiguration DELETE=DeleteBucketLifecycleConfiguration GET=GetBucketLifecycleConfiguration PUT=PutBucketLifecycleConfiguration
/v20180820/bucket/*/policy DELETE=DeleteBucketPolicy GET=GetBucketPolicy PUT=PutBucketPolicy
/v20180820/bucket/*/replication DELETE=DeleteBucketReplication GET=GetBucketReplication PUT=PutBucketReplication
/v20180820/bucket/*/tagging DELETE=DeleteBucketTagging GET=GetBucketTagging PUT=PutBucketTagging
/v20180820/bucket/*/versioning GET=GetBucketVersioning PUT=PutBucketVersioning
/v20180820/configuration/publicAccessBlock DELETE=DeletePublicAccessBlock GET=GetPublicAccessBlock PUT=PutPublicAccessBlock
/v20180820/jobs GET=ListJobs POST=CreateJob
/v20180820/jobs/* GET=DescribeJob
/v20180820/jobs/*/priority POST=UpdateJobPriority
/v20180820/jobs/*/status POST=UpdateJobStatus
/v20180820/jobs/*/tagging DELETE=DeleteJobTagging GET=GetJobTagging PUT=PutJobTagging
/v20180820/mrap/instances GET=ListMultiRegionAccessPoints
/v20180820/mrap/instances/** GET=GetMultiRegionAccessPoint
/v20180820/mrap/instances/**/policy GET=GetMultiRegionAccessPointPolicy
/v20180820/mrap/instances/**/policystatus GET=GetMultiRegionAccessPointPolicyStatus
/v20180820/mrap/instances/**/routes GET=GetMultiRegionAccessPointRoutes PATCH=SubmitMultiRegionAccessPointRoutes
/v20180820/storagelens GET=ListStorageLensConfigurations
/v20180820/storagelens/* DELETE=DeleteStorageLensConfiguration GET=GetStorageLensConfiguration PUT=PutStorageLensConfiguration
/v20180820/storagelens/*/tagging DELETE=DeleteStorageLensConfigurationTagging GET=GetStorageLensConfigurationTagging PUT=PutStorageLensConfigurationTagging
/v20180820/storagelensgroup GET=ListStorageLensGroups POST=CreateStorageLensGroup
/v20180820/storagelensgroup/* DELETE=DeleteStorageLensGroup GET=GetStorageLensGroup PUT=UpdateStorageLensGroup
/v20180820/tags/** DELETE=UntagResource GET=ListTagsForResource POST=TagResource
# s3tables
/buckets GET=ListTableBuckets PUT=CreateTableBucket
/buckets/* DELETE=DeleteTableBucket GET=GetTableBucket
/buckets/*/encryption DELETE=DeleteTableBucketEncryption GET=GetTableBucketEncryption PUT=PutTableBucketEncryption
/buckets/*/logging GET=GetTableBucketLogging PUT=PutTableBucketLogging
/buckets/*/maintenance GET=GetTableBucketMaintenanceConfiguration
/buckets/*/maintenance/* PUT=PutTableBucketMaintenanceConfiguration
/buckets/*/metrics DELETE=DeleteTableBucketMetricsConfiguration GET=GetTableBucketMetricsConfiguration PUT=PutTableBucketMetricsConfiguration
/buckets/*/policy DELETE=DeleteTableBucketPolicy GET=GetTableBucketPolicy PUT=PutTableBucketPolicy
/buckets/*/storage-class GET=GetTableBucketStorageClass PUT=PutTableBucketStorageClass
/complete-table-migration POST=CompleteTableMigration
/get-table GET=GetTable
/get-table-migration GET=GetTableMigration
/list-table-migrations GET=ListTableMigrations
/namespaces/* GET=ListNamespaces PUT=CreateNamespace
/namespaces/*/* DELETE=DeleteNamespace GET=GetNamespace
/replication-status GET=GetTableReplicationStatus
/start-table-migration POST=StartTableMigration
/sync-table-migration POST=SyncTableMigration
/table-bucket-replication DELETE=DeleteTableBucketReplication GET=GetTableBucketReplication PUT=PutTableBucketReplication
/table-record-expiration GET=GetTableRecordExpirationConfiguration PUT=PutTableRecordExpirationConfiguration
/table-record-expiration-job-status GET=GetTableRecordExpirationJobStatus
/table-replication DELETE=DeleteTableReplication GET=GetTableReplication PUT=PutTableReplication
/tables/* GET=ListTables
/tables/*/* PUT=CreateTable
/tables/*/*/* DELETE=DeleteTable
/tables/*/*/*/encryption GET=GetTableEncryption
/tables/*/*/*/maintenance GET=GetTableMaintenanceConfiguration
/tables/*/*/*/maintenance-job-status GET=GetTableMaintenanceJobStatus
/tables/*/*/*/maintenance/* PUT=PutTableMaintenanceConfiguration
/tables/*/*/*/metadata-location GET=GetTableMetadataLocation PUT=UpdateTableMetadataLocation
/tables/*/*/*/policy DELETE=DeleteTablePolicy GET=GetTablePolicy PUT=PutTablePolicy
/tables/*/*/*/rename PUT=RenameTable
/tables/*/*/*/storage-class GET=GetTableStorageClass
/tag/* DELETE=UntagResource GET=ListTagsForResource POST=TagResource
/update-table-migration POST=UpdateTableMigration
# s3vectors
/CreateIndex POST=CreateIndex
/CreateVectorBucket POST=CreateVectorBucket
/DeleteIndex POST=DeleteIndex
/DeleteVectorBucket POST=DeleteVectorBucket
/DeleteVectorBucketPolicy POST=DeleteVectorBucketPolicy
/DeleteVectors POST=DeleteVectors
/GetIndex POST=GetIndex
/GetVectorBucket POST=GetVectorBucket
/GetVectorBucketPolicy POST=GetVectorBucketPolicy
/GetVectors POST=GetVectors
/ListIndexes POST=ListIndexes
/ListVectorBuckets POST=ListVectorBuckets
/ListVectors POST=ListVectors
/PutVectorBucketDefaultIndexMode POST=PutVectorBucketDefaultIndexMode
/PutVectorBucketPolicy POST=PutVectorBucketPolicy
/PutVectors POST=PutVectors
/QueryVectors POST=QueryVectors
/UpdateIndexMode POST=UpdateIndexMode
/UpdateMetadataConfiguration POST=UpdateMetadataConfiguration
/tags/* DELETE=UntagResource GET=ListTagsForResource POST=TagResource
# scheduler
/schedule-groups GET=ListScheduleGroups
/schedule-groups/* DELETE=DeleteScheduleGroup GET=GetScheduleGroup POST=CreateScheduleGroup
/schedules GET=ListSchedules
/schedules/* DELETE=DeleteSchedule GET=GetSchedule POST=CreateSchedule PUT=UpdateSchedule
/tags/* DELETE=UntagResource GET=ListTagsForResource POST=TagResource
# schemas
/tags/* DELETE=UntagResource GET=ListTagsForResource POST=TagResource
/v1/discover POST=GetDiscoveredSchema
/v1/discoverers GET=ListDiscoverers POST=CreateDiscoverer
/v1/discoverers/id/* DELETE=DeleteDiscoverer GET=DescribeDiscoverer PUT=UpdateDiscoverer
/v1/discoverers/id/*/start POST=StartDiscoverer
/v1/discoverers/id/*/stop POST=StopDiscoverer
/v1/policy DELETE=DeleteResourcePolicy GET=GetResourcePolicy PUT=PutResourcePolicy
/v1/registries GET=ListRegistries
/v1/registries/name/* DELETE=DeleteRegistry GET=DescribeRegistry POST=CreateRegistry PUT=UpdateRegistry
/v1/registries/name/*/schemas GET=ListSchemas
/v1/registries/name/*/schemas/name/* DELETE=DeleteSchema GET=DescribeSchema POST=CreateSchema PUT=UpdateSchema
/v1/registries/name/*/schemas/name/*/export GET=ExportSchema
/v1/registries/name/*/schemas/name/*/language/* GET=DescribeCodeBinding POST=PutCodeBinding
/v1/registries/name/*/schemas/name/*/language/*/source GET=GetCodeBindingSource
/v1/registries/name/*/schemas/name/*/version/* DELETE=DeleteSchemaVersion
/v1/registries/name/*/schemas/name/*/versions GET=ListSchemaVersions
/v1/registries/name/*/schemas/search GET=SearchSchemas
# securityhub
/GetRemediationsV2 POST=GetRemediationsV2
/ListExposuresByRemediationV2 POST=ListExposuresByRemediationV2
/accounts DELETE=DisableSecurityHub GET=DescribeHub PATCH=UpdateSecurityHubConfiguration POST=EnableSecurityHub
/actionTargets POST=CreateActionTarget
/actionTargets/** DELETE=DeleteActionTarget PATCH=UpdateActionTarget
/actionTargets/get POST=DescribeActionTargets
/administrator GET=GetAdministratorAccount POST=AcceptAdministratorInvitation
/administrator/disassociate POST=DisassociateFromAdministratorAccount
/aggregatorv2/create POST=CreateAggregatorV2
/aggregatorv2/delete/** DELETE=DeleteAggregatorV2
/aggregatorv2/get/** GET=GetAggregatorV2
/aggregatorv2/list GET=ListAggregatorsV2
/aggregatorv2/update/** PATCH=UpdateAggregatorV2
/associations GET=ListStandardsControlAssociations PATCH=BatchUpdateStandardsControlAssociations
/associations/batchGet POST=BatchGetStandardsControlAssociations
/automationrules/create POST=CreateAutomationRule
/automationrules/delete POST=BatchDeleteAutomationRules
/automationrules/get POST=BatchGetAutomationRules
/automationrules/list GET=ListAutomationRules
/automationrules/update PATCH=BatchUpdateAutomationRules
/automationrulesv2/* DELETE=DeleteAutomationRuleV2 GET=GetAutomationRuleV2 PATCH=UpdateAutomationRuleV2
/automationrulesv2/create POST=CreateAutomationRuleV2
/automationrulesv2/list GET=ListAutomationRulesV2
/configurationPolicy/* DELETE=DeleteConfigurationPolicy PATCH=UpdateConfigurationPolicy
/configurationPolicy/create POST=CreateConfigurationPolicy
/configurationPolicy/get/* GET=GetConfigurationPolicy
/configurationPolicy/list GET=ListConfigurationPolicies
/configurationPolicyAssociation/associate POST=StartConfigurationPolicyAssociation
/configurationPolicyAssociation/batchget POST=BatchGetConfigurationPolicyAssociations
/configurationPolicyAssociation/disassociate POST=StartConfigurationPolicyDisassociation
/configurationPolicyAssociation/get POST=GetConfigurationPolicyAssociation
/configurationPolicyAssociation/list POST=ListConfigurationPolicyAssociations
/connectors GET=ListConnectors POST=CreateConnector
/connectors/** DELETE=DeleteConnector GET=GetConnector PATCH=UpdateConnector
/connectorsv2 GET=ListConnectorsV2 POST=CreateConnectorV2
/connectorsv2/** DELETE=DeleteConnectorV2 GET=GetConnectorV2 PATCH=UpdateConnectorV2
/connectorsv2/register POST=RegisterConnectorV2
/exportjobsv2 GET=ListExportJobsV2 POST=StartExportJobV2
/exportjobsv2/* GET=GetExportJobV2
/exportjobsv2/*/cancel POST=CancelExportJobV2
/findingAggregator/create POST=CreateFindingAggregator
/findingAggregator/delete/** DELETE=DeleteFindingAggregator
/findingAggregator/get/** GET=GetFindingAggregator
/findingAggregator/list GET=ListFindingAggregators
/findingAggregator/update PATCH=UpdateFindingAggregator
/findingHistory/get POST=GetFindingHistory
/findings PATCH=UpdateFindings POST=GetFindings
/findings/batchupdate PATCH=BatchUpdateFindings
/findings/import POST=BatchImportFindings
/findingsTrendsv2 POST=GetFindingsTrendsV2
/findingsv2 POST=GetFindingsV2
/findingsv2/batchupdatev2 PATCH=BatchUpdateFindingsV2
/findingsv2/statistics POST=GetFindingStatisticsV2
/freetrial/statusv2/list POST=ListFreeTrialStatusesV2
/hubv2 DELETE=DisableSecurityHubV2 GET=DescribeSecurityHubV2 POST=EnableSecurityHubV2
/hubv2/feature/* DELETE=DisableSecurityHubFeatureV2 POST=EnableSecurityHubFeatureV2
/insights POST=CreateInsight
/insights/** DELETE=DeleteInsight PATCH=UpdateInsight
/insights/get POST=GetInsights
/insights/results/** GET=GetInsightResults
/invitations GET=ListInvitations
/invitations/count GET=GetInvitationsCount
/invitations/decline POST=DeclineInvitations
/invitations/delete POST=DeleteInvitations
/master GET=GetMasterAccount POST=AcceptInvitation
/master/disassociate POST=DisassociateFromMasterAccount
/members GET=ListMembers POST=CreateMembers
/members/delete POST=DeleteMembers
/members/disassociate POST=DisassociateMembers
/members/get POST=GetMembers
/members/invite POST=InviteMembers
/organization/admin GET=ListOrganizationAdminAccounts
/organization/admin/disable POST=DisableOrganizationAdminAccount
/organization/admin/enable POST=EnableOrganizationAdminAccount
/organization/configuration GET=DescribeOrganizationConfiguration POST=UpdateOrganizationConfiguration
/productSubscriptions GET=ListEnabledProductsForImport POST=EnableImportFindingsForProduct
/productSubscriptions/** DELETE=DisableImportFindingsForProduct
/products GET=DescribeProducts
/productsV2 GET=DescribeProductsV2
/recommendedPolicyV2/* GET=GetRecommendedPolicyV2 POST=GenerateRecommendedPolicyV2
/resourcesTrendsv2 POST=GetResourcesTrendsV2
/resourcesv2 POST=GetResourcesV2
/resourcesv2/statistics POST=GetResourcesStatisticsV2
/securityControl/definition GET=GetSecurityControlDefinition
/securityControl/update PATCH=UpdateSecurityControl
/securityControls/batchGet POST=BatchGetSecurityControls
/securityControls/definitions GET=ListSecurityControlDefinitions
/softwarev2 POST=GetSoftwareV2
/softwarev2/resources POST=GetSoftwareResourcesV2
/softwarev2/statistics POST=GetSoftwareStatisticsV2
/standards GET=DescribeStandards
/standards/control/** PATCH=UpdateStandardsControl
/standards/controls/** GET=DescribeStandardsControls
/standards/deregister POST=BatchDisableStandards
/standards/get POST=GetEnabledStandards
/standards/register POST=BatchEnableStandards
/tags/* DELETE=UntagResource GET=ListTagsForResource POST=TagResource
/ticketsv2 POST=CreateTicketV2
# signer
/revocations GET=GetRevocationStatus
/signing-jobs GET=ListSigningJobs POST=StartSigningJob
/signing-jobs/* GET=DescribeSigningJob
/signing-jobs/*/revoke PUT=RevokeSignature
/signing-jobs/with-payload POST=SignPayload
/signing-platforms GET=ListSigningPlatforms
/signing-platforms/* GET=GetSigningPlatform
/signing-profiles GET=ListSigningProfiles
/signing-profiles/* DELETE=CancelSigningProfile GET=GetSigningProfile PUT=PutSigningProfile
/signing-profiles/*/permissions GET=ListProfilePermissions POST=AddProfilePermission
/signing-profiles/*/permissions/* DELETE=RemoveProfilePermission
/signing-profiles/*/revoke PUT=RevokeSigningProfile
/tags/* DELETE=UntagResource GET=ListTagsForResource POST=TagResource
# xray
/CancelTraceRetrieval POST=CancelTraceRetrieval
/CreateGroup POST=CreateGroup
/CreateSamplingRule POST=CreateSamplingRule
/DeleteGroup POST=DeleteGroup
/DeleteResourcePolicy POST=DeleteResourcePolicy
/DeleteSamplingRule POST=DeleteSamplingRule
/EncryptionConfig POST=GetEncryptionConfig
/GetGroup POST=GetGroup
/GetIndexingRules POST=GetIndexingRules
/GetRetrievedTracesGraph POST=GetRetrievedTracesGraph
/GetSamplingRules POST=GetSamplingRules
/GetTraceSegmentDestination POST=GetTraceSegmentDestination
/Groups POST=GetGroups
/Insight POST=GetInsight
/InsightEvents POST=GetInsightEvents
/InsightImpactGraph POST=GetInsightImpactGraph
/InsightSummaries POST=GetInsightSummaries
/ListResourcePolicies POST=ListResourcePolicies
/ListRetrievedTraces POST=ListRetrievedTraces
/ListTagsForResource POST=ListTagsForResource
/PutEncryptionConfig POST=PutEncryptionConfig
/PutResourcePolicy POST=PutResourcePolicy
/SamplingStatisticSummaries POST=GetSamplingStatisticSummaries
/SamplingTargets POST=GetSamplingTargets
/ServiceGraph POST=GetServiceGraph
/StartTraceRetrieval POST=StartTraceRetrieval
/TagResource POST=TagResource
/TelemetryRecords POST=PutTelemetryRecords
/TimeSeriesServiceStatistics POST=GetTimeSeriesServiceStatistics
/TraceGraph POST=GetTraceGraph
/TraceSegments POST=PutTraceSegments
/TraceSummaries POST=GetTraceSummaries
/Traces POST=BatchGetTraces
/UntagResource POST=UntagResource
/UpdateGroup POST=UpdateGroup
/UpdateIndexingRule POST=UpdateIndexingRule
/UpdateSamplingRule POST=UpdateSamplingRule
/UpdateTraceSegmentDestination POST=UpdateTraceSegmentDestination
`;
