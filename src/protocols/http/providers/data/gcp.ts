// Made by scripts/provider-tables.mjs from the discovery documents in google-api-python-client 2.202.0: do not edit by hand.

/** By service, `# host prefix-of-ids`: paths behind the version. */
export const GCP_METHODS = `
# artifactregistry artifactregistry
projects/*/locations GET=projects.locations.list
projects/*/locations/* GET=projects.locations.get
projects/*/locations/*/operations/* GET=projects.locations.operations.get
projects/*/locations/*/operations/*:cancel POST=projects.locations.operations.cancel
projects/*/locations/*/projectConfig GET=projects.locations.getProjectConfig PATCH=projects.locations.updateProjectConfig
projects/*/locations/*/repositories GET=projects.locations.repositories.list POST=projects.locations.repositories.create
projects/*/locations/*/repositories/* DELETE=projects.locations.repositories.delete GET=projects.locations.repositories.get PATCH=projects.locations.repositories.patch
projects/*/locations/*/repositories/*/aptArtifacts:create POST=projects.locations.repositories.aptArtifacts.upload
projects/*/locations/*/repositories/*/aptArtifacts:import POST=projects.locations.repositories.aptArtifacts.import
projects/*/locations/*/repositories/*/attachments GET=projects.locations.repositories.attachments.list POST=projects.locations.repositories.attachments.create
projects/*/locations/*/repositories/*/attachments/* DELETE=projects.locations.repositories.attachments.delete GET=projects.locations.repositories.attachments.get
projects/*/locations/*/repositories/*/dockerImages GET=projects.locations.repositories.dockerImages.list
projects/*/locations/*/repositories/*/dockerImages/* GET=projects.locations.repositories.dockerImages.get
projects/*/locations/*/repositories/*/files GET=projects.locations.repositories.files.list
projects/*/locations/*/repositories/*/files/* DELETE=projects.locations.repositories.files.delete GET=projects.locations.repositories.files.get PATCH=projects.locations.repositories.files.patch
projects/*/locations/*/repositories/*/files/*:download GET=projects.locations.repositories.files.download
projects/*/locations/*/repositories/*/files:upload POST=projects.locations.repositories.files.upload
projects/*/locations/*/repositories/*/genericArtifacts:create POST=projects.locations.repositories.genericArtifacts.upload
projects/*/locations/*/repositories/*/goModules:create POST=projects.locations.repositories.goModules.upload
projects/*/locations/*/repositories/*/googetArtifacts:create POST=projects.locations.repositories.googetArtifacts.upload
projects/*/locations/*/repositories/*/googetArtifacts:import POST=projects.locations.repositories.googetArtifacts.import
projects/*/locations/*/repositories/*/kfpArtifacts:create POST=projects.locations.repositories.kfpArtifacts.upload
projects/*/locations/*/repositories/*/mavenArtifacts GET=projects.locations.repositories.mavenArtifacts.list
projects/*/locations/*/repositories/*/mavenArtifacts/* GET=projects.locations.repositories.mavenArtifacts.get
projects/*/locations/*/repositories/*/npmPackages GET=projects.locations.repositories.npmPackages.list
projects/*/locations/*/repositories/*/npmPackages/* GET=projects.locations.repositories.npmPackages.get
projects/*/locations/*/repositories/*/packages GET=projects.locations.repositories.packages.list
projects/*/locations/*/repositories/*/packages/* DELETE=projects.locations.repositories.packages.delete GET=projects.locations.repositories.packages.get PATCH=projects.locations.repositories.packages.patch
projects/*/locations/*/repositories/*/packages/*/tags GET=projects.locations.repositories.packages.tags.list POST=projects.locations.repositories.packages.tags.create
projects/*/locations/*/repositories/*/packages/*/tags/* DELETE=projects.locations.repositories.packages.tags.delete GET=projects.locations.repositories.packages.tags.get PATCH=projects.locations.repositories.packages.tags.patch
projects/*/locations/*/repositories/*/packages/*/versions GET=projects.locations.repositories.packages.versions.list
projects/*/locations/*/repositories/*/packages/*/versions/* DELETE=projects.locations.repositories.packages.versions.delete GET=projects.locations.repositories.packages.versions.get PATCH=projects.locations.repositories.packages.versions.patch
projects/*/locations/*/repositories/*/packages/*/versions:batchDelete POST=projects.locations.repositories.packages.versions.batchDelete
projects/*/locations/*/repositories/*/prewarmedArtifacts GET=projects.locations.repositories.prewarmedArtifacts.list
projects/*/locations/*/repositories/*/pythonPackages GET=projects.locations.repositories.pythonPackages.list
projects/*/locations/*/repositories/*/pythonPackages/* GET=projects.locations.repositories.pythonPackages.get
projects/*/locations/*/repositories/*/rules GET=projects.locations.repositories.rules.list POST=projects.locations.repositories.rules.create
projects/*/locations/*/repositories/*/rules/* DELETE=projects.locations.repositories.rules.delete GET=projects.locations.repositories.rules.get PATCH=projects.locations.repositories.rules.patch
projects/*/locations/*/repositories/*/yumArtifacts:create POST=projects.locations.repositories.yumArtifacts.upload
projects/*/locations/*/repositories/*/yumArtifacts:import POST=projects.locations.repositories.yumArtifacts.import
projects/*/locations/*/repositories/*:checkPrewarmedArtifact POST=projects.locations.repositories.checkPrewarmedArtifact
projects/*/locations/*/repositories/*:exportArtifact POST=projects.locations.repositories.exportArtifact
projects/*/locations/*/repositories/*:getIamPolicy GET=projects.locations.repositories.getIamPolicy
projects/*/locations/*/repositories/*:prewarmArtifact POST=projects.locations.repositories.prewarmArtifact
projects/*/locations/*/repositories/*:removePrewarmedArtifact POST=projects.locations.repositories.removePrewarmedArtifact
projects/*/locations/*/repositories/*:setIamPolicy POST=projects.locations.repositories.setIamPolicy
projects/*/locations/*/repositories/*:testIamPermissions POST=projects.locations.repositories.testIamPermissions
projects/*/locations/*/vpcscConfig GET=projects.locations.getVpcscConfig PATCH=projects.locations.updateVpcscConfig
projects/*/projectSettings GET=projects.getProjectSettings PATCH=projects.updateProjectSettings
# bigquery bigquery
projects GET=projects.list
projects/*/datasets GET=datasets.list POST=datasets.insert
projects/*/datasets/* DELETE=datasets.delete GET=datasets.get PATCH=datasets.patch PUT=datasets.update
projects/*/datasets/*/models GET=models.list
projects/*/datasets/*/models/* DELETE=models.delete GET=models.get PATCH=models.patch
projects/*/datasets/*/routines GET=routines.list POST=routines.insert
projects/*/datasets/*/routines/* DELETE=routines.delete GET=routines.get PUT=routines.update
projects/*/datasets/*/routines/*:getIamPolicy POST=routines.getIamPolicy
projects/*/datasets/*/routines/*:setIamPolicy POST=routines.setIamPolicy
projects/*/datasets/*/routines/*:testIamPermissions POST=routines.testIamPermissions
projects/*/datasets/*/tables GET=tables.list POST=tables.insert
projects/*/datasets/*/tables/* DELETE=tables.delete GET=tables.get PATCH=tables.patch PUT=tables.update
projects/*/datasets/*/tables/*/data GET=tabledata.list
projects/*/datasets/*/tables/*/insertAll POST=tabledata.insertAll
projects/*/datasets/*/tables/*/rowAccessPolicies GET=rowAccessPolicies.list POST=rowAccessPolicies.insert
projects/*/datasets/*/tables/*/rowAccessPolicies/* DELETE=rowAccessPolicies.delete GET=rowAccessPolicies.get PUT=rowAccessPolicies.update
projects/*/datasets/*/tables/*/rowAccessPolicies/*:getIamPolicy POST=rowAccessPolicies.getIamPolicy
projects/*/datasets/*/tables/*/rowAccessPolicies/*:testIamPermissions POST=rowAccessPolicies.testIamPermissions
projects/*/datasets/*/tables/*/rowAccessPolicies:batchDelete POST=rowAccessPolicies.batchDelete
projects/*/datasets/*/tables/*:getIamPolicy POST=tables.getIamPolicy
projects/*/datasets/*/tables/*:setIamPolicy POST=tables.setIamPolicy
projects/*/datasets/*/tables/*:testIamPermissions POST=tables.testIamPermissions
projects/*/datasets/*:undelete POST=datasets.undelete
projects/*/jobs GET=jobs.list POST=jobs.insert
projects/*/jobs/* GET=jobs.get
projects/*/jobs/*/cancel POST=jobs.cancel
projects/*/jobs/*/delete DELETE=jobs.delete
projects/*/queries POST=jobs.query
projects/*/queries/* GET=jobs.getQueryResults
projects/*/serviceAccount GET=projects.getServiceAccount
# cloudbilling cloudbilling
billingAccounts GET=billingAccounts.list POST=billingAccounts.create
billingAccounts/* GET=billingAccounts.get PATCH=billingAccounts.patch
billingAccounts/*/projects GET=billingAccounts.projects.list
billingAccounts/*/subAccounts GET=billingAccounts.subAccounts.list POST=billingAccounts.subAccounts.create
billingAccounts/*:getIamPolicy GET=billingAccounts.getIamPolicy
billingAccounts/*:move POST=billingAccounts.move
billingAccounts/*:setIamPolicy POST=billingAccounts.setIamPolicy
billingAccounts/*:testIamPermissions POST=billingAccounts.testIamPermissions
card GET=getCard
message:send POST=message.send
message:stream POST=message.stream
organizations/*/billingAccounts GET=organizations.billingAccounts.list POST=organizations.billingAccounts.create
organizations/*/billingAccounts/*:move GET=organizations.billingAccounts.move
projects/*/billingInfo GET=projects.getBillingInfo PUT=projects.updateBillingInfo
services GET=services.list
services/*/skus GET=services.skus.list
tasks/* GET=tasks.get
tasks/*/pushNotificationConfigs GET=tasks.pushNotificationConfigs.list POST=tasks.pushNotificationConfigs.create
tasks/*/pushNotificationConfigs/* DELETE=tasks.pushNotificationConfigs.delete GET=tasks.pushNotificationConfigs.get
tasks/*:cancel POST=tasks.cancel
tasks/*:subscribe GET=tasks.subscribe
# cloudbuild cloudbuild
githubDotComWebhook:receive POST=githubDotComWebhook.receive
locations/*/regionalWebhook POST=locations.regionalWebhook
operations/* GET=operations.get
operations/*:cancel POST=operations.cancel
projects/*/builds GET=projects.builds.list POST=projects.builds.create
projects/*/builds/* GET=projects.builds.get
projects/*/builds/*:approve POST=projects.builds.approve
projects/*/builds/*:cancel POST=projects.builds.cancel
projects/*/builds/*:retry POST=projects.builds.retry
projects/*/githubEnterpriseConfigs GET=projects.githubEnterpriseConfigs.list POST=projects.githubEnterpriseConfigs.create
projects/*/githubEnterpriseConfigs/* DELETE=projects.githubEnterpriseConfigs.delete GET=projects.githubEnterpriseConfigs.get PATCH=projects.githubEnterpriseConfigs.patch
projects/*/locations GET=projects.locations.list
projects/*/locations/* GET=projects.locations.get
projects/*/locations/*/bitbucketServerConfigs GET=projects.locations.bitbucketServerConfigs.list POST=projects.locations.bitbucketServerConfigs.create
projects/*/locations/*/bitbucketServerConfigs/* DELETE=projects.locations.bitbucketServerConfigs.delete GET=projects.locations.bitbucketServerConfigs.get PATCH=projects.locations.bitbucketServerConfigs.patch
projects/*/locations/*/bitbucketServerConfigs/*/connectedRepositories:batchCreate POST=projects.locations.bitbucketServerConfigs.connectedRepositories.batchCreate
projects/*/locations/*/bitbucketServerConfigs/*/repos GET=projects.locations.bitbucketServerConfigs.repos.list
projects/*/locations/*/bitbucketServerConfigs/*:removeBitbucketServerConnectedRepository POST=projects.locations.bitbucketServerConfigs.removeBitbucketServerConnectedRepository
projects/*/locations/*/builds GET=projects.locations.builds.list POST=projects.locations.builds.create
projects/*/locations/*/builds/* GET=projects.locations.builds.get
projects/*/locations/*/builds/*:approve POST=projects.locations.builds.approve
projects/*/locations/*/builds/*:cancel POST=projects.locations.builds.cancel
projects/*/locations/*/builds/*:retry POST=projects.locations.builds.retry
projects/*/locations/*/connections GET=projects.locations.connections.list POST=projects.locations.connections.create
projects/*/locations/*/connections/* DELETE=projects.locations.connections.delete GET=projects.locations.connections.get PATCH=projects.locations.connections.patch
projects/*/locations/*/connections/*/repositories GET=projects.locations.connections.repositories.list POST=projects.locations.connections.repositories.create
projects/*/locations/*/connections/*/repositories/* DELETE=projects.locations.connections.repositories.delete GET=projects.locations.connections.repositories.get
projects/*/locations/*/connections/*/repositories/*:accessReadToken POST=projects.locations.connections.repositories.accessReadToken
projects/*/locations/*/connections/*/repositories/*:accessReadWriteToken POST=projects.locations.connections.repositories.accessReadWriteToken
projects/*/locations/*/connections/*/repositories/*:fetchGitRefs GET=projects.locations.connections.repositories.fetchGitRefs
projects/*/locations/*/connections/*/repositories:batchCreate POST=projects.locations.connections.repositories.batchCreate
projects/*/locations/*/connections/*:fetchLinkableRepositories GET=projects.locations.connections.fetchLinkableRepositories
projects/*/locations/*/connections/*:getIamPolicy GET=projects.locations.connections.getIamPolicy
projects/*/locations/*/connections/*:setIamPolicy POST=projects.locations.connections.setIamPolicy
projects/*/locations/*/connections/*:testIamPermissions POST=projects.locations.connections.testIamPermissions
projects/*/locations/*/connections:processWebhook POST=projects.locations.connections.processWebhook
projects/*/locations/*/defaultServiceAccount GET=projects.locations.getDefaultServiceAccount
projects/*/locations/*/githubEnterpriseConfigs GET=projects.locations.githubEnterpriseConfigs.list POST=projects.locations.githubEnterpriseConfigs.create
projects/*/locations/*/githubEnterpriseConfigs/* DELETE=projects.locations.githubEnterpriseConfigs.delete GET=projects.locations.githubEnterpriseConfigs.get PATCH=projects.locations.githubEnterpriseConfigs.patch
projects/*/locations/*/operations/* GET=projects.locations.operations.get
projects/*/locations/*/operations/*:cancel POST=projects.locations.operations.cancel
projects/*/locations/*/triggers GET=projects.locations.triggers.list POST=projects.locations.triggers.create
projects/*/locations/*/triggers/* DELETE=projects.locations.triggers.delete GET=projects.locations.triggers.get PATCH=projects.locations.triggers.patch
projects/*/locations/*/triggers/*:run POST=projects.locations.triggers.run
projects/*/locations/*/triggers/*:webhook POST=projects.locations.triggers.webhook
projects/*/locations/*/workerPools GET=projects.locations.workerPools.list POST=projects.locations.workerPools.create
projects/*/locations/*/workerPools/* DELETE=projects.locations.workerPools.delete GET=projects.locations.workerPools.get PATCH=projects.locations.workerPools.patch
projects/*/triggers GET=projects.triggers.list POST=projects.triggers.create
projects/*/triggers/* DELETE=projects.triggers.delete GET=projects.triggers.get PATCH=projects.triggers.patch
projects/*/triggers/*:run POST=projects.triggers.run
projects/*/triggers/*:webhook POST=projects.triggers.webhook
webhook POST=webhook
# cloudfunctions cloudfunctions
operations GET=operations.list
operations/* GET=operations.get
projects/*/locations GET=projects.locations.list
projects/*/locations/*/functions GET=projects.locations.functions.list POST=projects.locations.functions.create
projects/*/locations/*/functions/* DELETE=projects.locations.functions.delete GET=projects.locations.functions.get PATCH=projects.locations.functions.patch
projects/*/locations/*/functions/*:abortFunctionUpgrade POST=projects.locations.functions.abortFunctionUpgrade
projects/*/locations/*/functions/*:call POST=projects.locations.functions.call
projects/*/locations/*/functions/*:commitFunctionUpgrade POST=projects.locations.functions.commitFunctionUpgrade
projects/*/locations/*/functions/*:commitFunctionUpgradeAsGen2 POST=projects.locations.functions.commitFunctionUpgradeAsGen2
projects/*/locations/*/functions/*:detachFunction POST=projects.locations.functions.detachFunction
projects/*/locations/*/functions/*:generateDownloadUrl POST=projects.locations.functions.generateDownloadUrl
projects/*/locations/*/functions/*:getIamPolicy GET=projects.locations.functions.getIamPolicy
projects/*/locations/*/functions/*:redirectFunctionUpgradeTraffic POST=projects.locations.functions.redirectFunctionUpgradeTraffic
projects/*/locations/*/functions/*:rollbackFunctionUpgradeTraffic POST=projects.locations.functions.rollbackFunctionUpgradeTraffic
projects/*/locations/*/functions/*:setIamPolicy POST=projects.locations.functions.setIamPolicy
projects/*/locations/*/functions/*:setupFunctionUpgradeConfig POST=projects.locations.functions.setupFunctionUpgradeConfig
projects/*/locations/*/functions/*:testIamPermissions POST=projects.locations.functions.testIamPermissions
projects/*/locations/*/functions:generateUploadUrl POST=projects.locations.functions.generateUploadUrl
projects/*/locations/*/operations GET=projects.locations.operations.list
projects/*/locations/*/operations/* GET=projects.locations.operations.get
projects/*/locations/*/runtimes GET=projects.locations.runtimes.list
# cloudkms cloudkms
folders/*/autokeyConfig GET=folders.getAutokeyConfig PATCH=folders.updateAutokeyConfig
folders/*/kajPolicyConfig GET=folders.getKajPolicyConfig PATCH=folders.updateKajPolicyConfig
folders/*:showEffectiveAutokeyConfig GET=folders.showEffectiveAutokeyConfig
organizations/*/kajPolicyConfig GET=organizations.getKajPolicyConfig PATCH=organizations.updateKajPolicyConfig
projects/*/autokeyConfig GET=projects.getAutokeyConfig PATCH=projects.updateAutokeyConfig
projects/*/kajPolicyConfig GET=projects.getKajPolicyConfig PATCH=projects.updateKajPolicyConfig
projects/*/locations GET=projects.locations.list
projects/*/locations/* GET=projects.locations.get
projects/*/locations/*/ekmConfig GET=projects.locations.getEkmConfig PATCH=projects.locations.updateEkmConfig
projects/*/locations/*/ekmConfig:getIamPolicy GET=projects.locations.ekmConfig.getIamPolicy
projects/*/locations/*/ekmConfig:setIamPolicy POST=projects.locations.ekmConfig.setIamPolicy
projects/*/locations/*/ekmConfig:testIamPermissions POST=projects.locations.ekmConfig.testIamPermissions
projects/*/locations/*/ekmConnections GET=projects.locations.ekmConnections.list POST=projects.locations.ekmConnections.create
projects/*/locations/*/ekmConnections/* GET=projects.locations.ekmConnections.get PATCH=projects.locations.ekmConnections.patch
projects/*/locations/*/ekmConnections/*:getIamPolicy GET=projects.locations.ekmConnections.getIamPolicy
projects/*/locations/*/ekmConnections/*:setIamPolicy POST=projects.locations.ekmConnections.setIamPolicy
projects/*/locations/*/ekmConnections/*:testIamPermissions POST=projects.locations.ekmConnections.testIamPermissions
projects/*/locations/*/ekmConnections/*:verifyConnectivity GET=projects.locations.ekmConnections.verifyConnectivity
projects/*/locations/*/keyHandles GET=projects.locations.keyHandles.list POST=projects.locations.keyHandles.create
projects/*/locations/*/keyHandles/* GET=projects.locations.keyHandles.get
projects/*/locations/*/keyRings GET=projects.locations.keyRings.list POST=projects.locations.keyRings.create
projects/*/locations/*/keyRings/* DELETE=projects.locations.keyRings.delete GET=projects.locations.keyRings.get
projects/*/locations/*/keyRings/*/cryptoKeys GET=projects.locations.keyRings.cryptoKeys.list POST=projects.locations.keyRings.cryptoKeys.create
projects/*/locations/*/keyRings/*/cryptoKeys/* DELETE=projects.locations.keyRings.cryptoKeys.delete GET=projects.locations.keyRings.cryptoKeys.get PATCH=projects.locations.keyRings.cryptoKeys.patch
projects/*/locations/*/keyRings/*/cryptoKeys/*/cryptoKeyVersions GET=projects.locations.keyRings.cryptoKeys.cryptoKeyVersions.list POST=projects.locations.keyRings.cryptoKeys.cryptoKeyVersions.create
projects/*/locations/*/keyRings/*/cryptoKeys/*/cryptoKeyVersions/* DELETE=projects.locations.keyRings.cryptoKeys.cryptoKeyVersions.delete GET=projects.locations.keyRings.cryptoKeys.cryptoKeyVersions.get PATCH=projects.locations.keyRings.cryptoKeys.cryptoKeyVersions.patch
projects/*/locations/*/keyRings/*/cryptoKeys/*/cryptoKeyVersions/*/publicKey GET=projects.locations.keyRings.cryptoKeys.cryptoKeyVersions.getPublicKey
projects/*/locations/*/keyRings/*/cryptoKeys/*/cryptoKeyVersions/*:asymmetricDecrypt POST=projects.locations.keyRings.cryptoKeys.cryptoKeyVersions.asymmetricDecrypt
projects/*/locations/*/keyRings/*/cryptoKeys/*/cryptoKeyVersions/*:asymmetricSign POST=projects.locations.keyRings.cryptoKeys.cryptoKeyVersions.asymmetricSign
projects/*/locations/*/keyRings/*/cryptoKeys/*/cryptoKeyVersions/*:decapsulate POST=projects.locations.keyRings.cryptoKeys.cryptoKeyVersions.decapsulate
projects/*/locations/*/keyRings/*/cryptoKeys/*/cryptoKeyVersions/*:destroy POST=projects.locations.keyRings.cryptoKeys.cryptoKeyVersions.destroy
projects/*/locations/*/keyRings/*/cryptoKeys/*/cryptoKeyVersions/*:exportTrustedKeyWrappedCryptoKeyVersion GET=projects.locations.keyRings.cryptoKeys.cryptoKeyVersions.exportTrustedKeyWrappedCryptoKeyVersion
projects/*/locations/*/keyRings/*/cryptoKeys/*/cryptoKeyVersions/*:macSign POST=projects.locations.keyRings.cryptoKeys.cryptoKeyVersions.macSign
projects/*/locations/*/keyRings/*/cryptoKeys/*/cryptoKeyVersions/*:macVerify POST=projects.locations.keyRings.cryptoKeys.cryptoKeyVersions.macVerify
projects/*/locations/*/keyRings/*/cryptoKeys/*/cryptoKeyVersions/*:rawDecrypt POST=projects.locations.keyRings.cryptoKeys.cryptoKeyVersions.rawDecrypt
projects/*/locations/*/keyRings/*/cryptoKeys/*/cryptoKeyVersions/*:rawEncrypt POST=projects.locations.keyRings.cryptoKeys.cryptoKeyVersions.rawEncrypt
projects/*/locations/*/keyRings/*/cryptoKeys/*/cryptoKeyVersions/*:restore POST=projects.locations.keyRings.cryptoKeys.cryptoKeyVersions.restore
projects/*/locations/*/keyRings/*/cryptoKeys/*/cryptoKeyVersions:import POST=projects.locations.keyRings.cryptoKeys.cryptoKeyVersions.import
projects/*/locations/*/keyRings/*/cryptoKeys/*/cryptoKeyVersions:importTrustedKeyWrappedCryptoKeyVersion POST=projects.locations.keyRings.cryptoKeys.cryptoKeyVersions.importTrustedKeyWrappedCryptoKeyVersion
projects/*/locations/*/keyRings/*/cryptoKeys/*:decrypt POST=projects.locations.keyRings.cryptoKeys.decrypt
projects/*/locations/*/keyRings/*/cryptoKeys/*:encrypt POST=projects.locations.keyRings.cryptoKeys.encrypt
projects/*/locations/*/keyRings/*/cryptoKeys/*:getIamPolicy GET=projects.locations.keyRings.cryptoKeys.getIamPolicy
projects/*/locations/*/keyRings/*/cryptoKeys/*:setIamPolicy POST=projects.locations.keyRings.cryptoKeys.setIamPolicy
projects/*/locations/*/keyRings/*/cryptoKeys/*:testIamPermissions POST=projects.locations.keyRings.cryptoKeys.testIamPermissions
projects/*/locations/*/keyRings/*/cryptoKeys/*:updatePrimaryVersion POST=projects.locations.keyRings.cryptoKeys.updatePrimaryVersion
projects/*/locations/*/keyRings/*/importJobs GET=projects.locations.keyRings.importJobs.list POST=projects.locations.keyRings.importJobs.create
projects/*/locations/*/keyRings/*/importJobs/* GET=projects.locations.keyRings.importJobs.get
projects/*/locations/*/keyRings/*/importJobs/*:getIamPolicy GET=projects.locations.keyRings.importJobs.getIamPolicy
projects/*/locations/*/keyRings/*/importJobs/*:setIamPolicy POST=projects.locations.keyRings.importJobs.setIamPolicy
projects/*/locations/*/keyRings/*/importJobs/*:testIamPermissions POST=projects.locations.keyRings.importJobs.testIamPermissions
projects/*/locations/*/keyRings/*:getIamPolicy GET=projects.locations.keyRings.getIamPolicy
projects/*/locations/*/keyRings/*:setIamPolicy POST=projects.locations.keyRings.setIamPolicy
projects/*/locations/*/keyRings/*:testIamPermissions POST=projects.locations.keyRings.testIamPermissions
projects/*/locations/*/operations/* GET=projects.locations.operations.get
projects/*/locations/*/retiredResources GET=projects.locations.retiredResources.list
projects/*/locations/*/retiredResources/* GET=projects.locations.retiredResources.get
projects/*/locations/*/singleTenantHsmInstances GET=projects.locations.singleTenantHsmInstances.list POST=projects.locations.singleTenantHsmInstances.create
projects/*/locations/*/singleTenantHsmInstances/* GET=projects.locations.singleTenantHsmInstances.get
projects/*/locations/*/singleTenantHsmInstances/*/proposals GET=projects.locations.singleTenantHsmInstances.proposals.list POST=projects.locations.singleTenantHsmInstances.proposals.create
projects/*/locations/*/singleTenantHsmInstances/*/proposals/* DELETE=projects.locations.singleTenantHsmInstances.proposals.delete GET=projects.locations.singleTenantHsmInstances.proposals.get
projects/*/locations/*/singleTenantHsmInstances/*/proposals/*:approve POST=projects.locations.singleTenantHsmInstances.proposals.approve
projects/*/locations/*/singleTenantHsmInstances/*/proposals/*:execute POST=projects.locations.singleTenantHsmInstances.proposals.execute
projects/*/locations/*:generateRandomBytes POST=projects.locations.generateRandomBytes
projects/*:showEffectiveAutokeyConfig GET=projects.showEffectiveAutokeyConfig
projects/*:showEffectiveKeyAccessJustificationsEnrollmentConfig GET=projects.showEffectiveKeyAccessJustificationsEnrollmentConfig
projects/*:showEffectiveKeyAccessJustificationsPolicyConfig GET=projects.showEffectiveKeyAccessJustificationsPolicyConfig
# cloudresourcemanager cloudresourcemanager
 GET=fetchResourceSemantics
effectiveTags GET=effectiveTags.list
folders GET=folders.list POST=folders.create
folders/* DELETE=folders.delete GET=folders.get PATCH=folders.patch
folders/*/boundaries GET=folders.boundaries.list POST=folders.boundaries.create
folders/*/boundaries/* DELETE=folders.boundaries.delete GET=folders.boundaries.get PATCH=folders.boundaries.patch
folders/*/boundaryConfig GET=folders.getBoundaryConfig PATCH=folders.updateBoundaryConfig
folders/*/capabilities/* GET=folders.capabilities.get PATCH=folders.capabilities.patch
folders/*/capabilityConfigs GET=folders.capabilityConfigs.list POST=folders.capabilityConfigs.create
folders/*/capabilityConfigs/* DELETE=folders.capabilityConfigs.delete GET=folders.capabilityConfigs.get PATCH=folders.capabilityConfigs.patch
folders/*:clearOrgPolicy POST=folders.clearOrgPolicy
folders/*:getEffectiveOrgPolicy POST=folders.getEffectiveOrgPolicy
folders/*:getIamPolicy POST=folders.getIamPolicy
folders/*:getOrgPolicy POST=folders.getOrgPolicy
folders/*:listAvailableOrgPolicyConstraints POST=folders.listAvailableOrgPolicyConstraints
folders/*:listOrgPolicies POST=folders.listOrgPolicies
folders/*:move POST=folders.move
folders/*:setIamPolicy POST=folders.setIamPolicy
folders/*:setOrgPolicy POST=folders.setOrgPolicy
folders/*:testIamPermissions POST=folders.testIamPermissions
folders/*:undelete POST=folders.undelete
folders:search GET=folders.search
liens GET=liens.list POST=liens.create
liens/* DELETE=liens.delete GET=liens.get
locations/*/effectiveTagBindingCollections/* GET=locations.effectiveTagBindingCollections.get
locations/*/tagBindingCollections/* GET=locations.tagBindingCollections.get PATCH=locations.tagBindingCollections.patch
operations/* GET=operations.get
organizations/* GET=organizations.get
organizations/*/boundaries GET=organizations.boundaries.list POST=organizations.boundaries.create
organizations/*/boundaries/* DELETE=organizations.boundaries.delete GET=organizations.boundaries.get PATCH=organizations.boundaries.patch
organizations/*/boundaryConfig GET=organizations.getBoundaryConfig PATCH=organizations.updateBoundaryConfig
organizations/*/capabilityConfigs GET=organizations.capabilityConfigs.list POST=organizations.capabilityConfigs.create
organizations/*/capabilityConfigs/* DELETE=organizations.capabilityConfigs.delete GET=organizations.capabilityConfigs.get PATCH=organizations.capabilityConfigs.patch
organizations/*:clearOrgPolicy POST=organizations.clearOrgPolicy
organizations/*:getEffectiveOrgPolicy POST=organizations.getEffectiveOrgPolicy
organizations/*:getIamPolicy POST=organizations.getIamPolicy
organizations/*:getOrgPolicy POST=organizations.getOrgPolicy
organizations/*:listAvailableOrgPolicyConstraints POST=organizations.listAvailableOrgPolicyConstraints
organizations/*:listOrgPolicies POST=organizations.listOrgPolicies
organizations/*:setIamPolicy POST=organizations.setIamPolicy
organizations/*:setOrgPolicy POST=organizations.setOrgPolicy
organizations/*:testIamPermissions POST=organizations.testIamPermissions
organizations:search GET=organizations.search POST=organizations.search
projects GET=projects.list POST=projects.create
projects/* DELETE=projects.delete GET=projects.get PATCH=projects.patch PUT=projects.update
projects/*/capabilityConfigs GET=projects.capabilityConfigs.list POST=projects.capabilityConfigs.create
projects/*/capabilityConfigs/* DELETE=projects.capabilityConfigs.delete GET=projects.capabilityConfigs.get PATCH=projects.capabilityConfigs.patch
projects/*:clearOrgPolicy POST=projects.clearOrgPolicy
projects/*:getAncestry POST=projects.getAncestry
projects/*:getEffectiveOrgPolicy POST=projects.getEffectiveOrgPolicy
projects/*:getIamPolicy POST=projects.getIamPolicy
projects/*:getOrgPolicy POST=projects.getOrgPolicy
projects/*:listAvailableOrgPolicyConstraints POST=projects.listAvailableOrgPolicyConstraints
projects/*:listOrgPolicies POST=projects.listOrgPolicies
projects/*:move POST=projects.move
projects/*:setIamPolicy POST=projects.setIamPolicy
projects/*:setOrgPolicy POST=projects.setOrgPolicy
projects/*:testIamPermissions POST=projects.testIamPermissions
projects/*:undelete POST=projects.undelete
projects:search GET=projects.search
tagBindings GET=tagBindings.list POST=tagBindings.create
tagBindings/* DELETE=tagBindings.delete
tagKeys GET=tagKeys.list POST=tagKeys.create
tagKeys/* DELETE=tagKeys.delete GET=tagKeys.get PATCH=tagKeys.patch
tagKeys/*:getIamPolicy POST=tagKeys.getIamPolicy
tagKeys/*:setIamPolicy POST=tagKeys.setIamPolicy
tagKeys/*:testIamPermissions POST=tagKeys.testIamPermissions
tagKeys/namespaced GET=tagKeys.getNamespaced
tagValues GET=tagValues.list POST=tagValues.create
tagValues/* DELETE=tagValues.delete GET=tagValues.get PATCH=tagValues.patch
tagValues/*/tagHolds GET=tagValues.tagHolds.list POST=tagValues.tagHolds.create
tagValues/*/tagHolds/* DELETE=tagValues.tagHolds.delete
tagValues/*:getIamPolicy POST=tagValues.getIamPolicy
tagValues/*:setIamPolicy POST=tagValues.setIamPolicy
tagValues/*:testIamPermissions POST=tagValues.testIamPermissions
tagValues/namespaced GET=tagValues.getNamespaced
# cloudscheduler cloudscheduler
projects/*/locations GET=projects.locations.list
projects/*/locations/* GET=projects.locations.get
projects/*/locations/*/cmekConfig GET=projects.locations.getCmekConfig PATCH=projects.locations.updateCmekConfig
projects/*/locations/*/jobs GET=projects.locations.jobs.list POST=projects.locations.jobs.create
projects/*/locations/*/jobs/* DELETE=projects.locations.jobs.delete GET=projects.locations.jobs.get PATCH=projects.locations.jobs.patch
projects/*/locations/*/jobs/*:pause POST=projects.locations.jobs.pause
projects/*/locations/*/jobs/*:resume POST=projects.locations.jobs.resume
projects/*/locations/*/jobs/*:run POST=projects.locations.jobs.run
projects/*/locations/*/operations GET=projects.locations.operations.list
projects/*/locations/*/operations/* DELETE=projects.locations.operations.delete GET=projects.locations.operations.get
projects/*/locations/*/operations/*:cancel POST=projects.locations.operations.cancel
# cloudtasks cloudtasks
projects/*/locations GET=projects.locations.list
projects/*/locations/* GET=projects.locations.get
projects/*/locations/*/cmekConfig GET=projects.locations.getCmekConfig PATCH=projects.locations.updateCmekConfig
projects/*/locations/*/operations/* GET=projects.locations.operations.get
projects/*/locations/*/queues GET=projects.locations.queues.list POST=projects.locations.queues.create
projects/*/locations/*/queues/* DELETE=projects.locations.queues.delete GET=projects.locations.queues.get PATCH=projects.locations.queues.patch
projects/*/locations/*/queues/*/tasks GET=projects.locations.queues.tasks.list POST=projects.locations.queues.tasks.create
projects/*/locations/*/queues/*/tasks/* DELETE=projects.locations.queues.tasks.delete GET=projects.locations.queues.tasks.get
projects/*/locations/*/queues/*/tasks/*:buffer POST=projects.locations.queues.tasks.buffer
projects/*/locations/*/queues/*/tasks/*:run POST=projects.locations.queues.tasks.run
projects/*/locations/*/queues/*/tasks:batchCreate POST=projects.locations.queues.tasks.batchCreate
projects/*/locations/*/queues/*/tasks:batchDelete POST=projects.locations.queues.tasks.batchDelete
projects/*/locations/*/queues/*:getIamPolicy POST=projects.locations.queues.getIamPolicy
projects/*/locations/*/queues/*:pause POST=projects.locations.queues.pause
projects/*/locations/*/queues/*:purge POST=projects.locations.queues.purge
projects/*/locations/*/queues/*:resume POST=projects.locations.queues.resume
projects/*/locations/*/queues/*:setIamPolicy POST=projects.locations.queues.setIamPolicy
projects/*/locations/*/queues/*:testIamPermissions POST=projects.locations.queues.testIamPermissions
# compute compute
locations/global/firewallPolicies GET=firewallPolicies.list POST=firewallPolicies.insert
locations/global/firewallPolicies/* DELETE=firewallPolicies.delete GET=firewallPolicies.get PATCH=firewallPolicies.patch
locations/global/firewallPolicies/*/addAssociation POST=firewallPolicies.addAssociation
locations/global/firewallPolicies/*/addPacketMirroringRule POST=firewallPolicies.addPacketMirroringRule
locations/global/firewallPolicies/*/addRule POST=firewallPolicies.addRule
locations/global/firewallPolicies/*/cloneRules POST=firewallPolicies.cloneRules
locations/global/firewallPolicies/*/getAssociation GET=firewallPolicies.getAssociation
locations/global/firewallPolicies/*/getIamPolicy GET=firewallPolicies.getIamPolicy
locations/global/firewallPolicies/*/getPacketMirroringRule GET=firewallPolicies.getPacketMirroringRule
locations/global/firewallPolicies/*/getRule GET=firewallPolicies.getRule
locations/global/firewallPolicies/*/move POST=firewallPolicies.move
locations/global/firewallPolicies/*/patchPacketMirroringRule POST=firewallPolicies.patchPacketMirroringRule
locations/global/firewallPolicies/*/patchRule POST=firewallPolicies.patchRule
locations/global/firewallPolicies/*/removeAssociation POST=firewallPolicies.removeAssociation
locations/global/firewallPolicies/*/removePacketMirroringRule POST=firewallPolicies.removePacketMirroringRule
locations/global/firewallPolicies/*/removeRule POST=firewallPolicies.removeRule
locations/global/firewallPolicies/*/setIamPolicy POST=firewallPolicies.setIamPolicy
locations/global/firewallPolicies/*/testIamPermissions POST=firewallPolicies.testIamPermissions
locations/global/firewallPolicies/listAssociations GET=firewallPolicies.listAssociations
locations/global/operations GET=globalOrganizationOperations.list
locations/global/operations/* DELETE=globalOrganizationOperations.delete GET=globalOrganizationOperations.get
locations/global/securityPolicies GET=organizationSecurityPolicies.list POST=organizationSecurityPolicies.insert
locations/global/securityPolicies/* DELETE=organizationSecurityPolicies.delete GET=organizationSecurityPolicies.get PATCH=organizationSecurityPolicies.patch
locations/global/securityPolicies/*/addAssociation POST=organizationSecurityPolicies.addAssociation
locations/global/securityPolicies/*/addRule POST=organizationSecurityPolicies.addRule
locations/global/securityPolicies/*/copyRules POST=organizationSecurityPolicies.copyRules
locations/global/securityPolicies/*/getAssociation GET=organizationSecurityPolicies.getAssociation
locations/global/securityPolicies/*/getRule GET=organizationSecurityPolicies.getRule
locations/global/securityPolicies/*/move POST=organizationSecurityPolicies.move
locations/global/securityPolicies/*/patchRule POST=organizationSecurityPolicies.patchRule
locations/global/securityPolicies/*/removeAssociation POST=organizationSecurityPolicies.removeAssociation
locations/global/securityPolicies/*/removeRule POST=organizationSecurityPolicies.removeRule
locations/global/securityPolicies/listAssociations GET=organizationSecurityPolicies.listAssociations
locations/global/securityPolicies/listPreconfiguredExpressionSets GET=organizationSecurityPolicies.listPreconfiguredExpressionSets
organizations/*/global/rolloutPlans GET=organizationRolloutPlans.list POST=organizationRolloutPlans.insert
organizations/*/global/rolloutPlans/* DELETE=organizationRolloutPlans.delete GET=organizationRolloutPlans.get
organizations/*/global/rollouts GET=organizationRollouts.list
organizations/*/global/rollouts/* DELETE=organizationRollouts.delete GET=organizationRollouts.get PATCH=organizationRollouts.cancel
organizations/*/global/rollouts/*/advance POST=organizationRollouts.advance
organizations/*/global/rollouts/*/pause POST=organizationRollouts.pause
organizations/*/global/rollouts/*/resume POST=organizationRollouts.resume
organizations/*/global/snapshotRecycleBinPolicy GET=organizationSnapshotRecycleBinPolicy.get PATCH=organizationSnapshotRecycleBinPolicy.patch
projects/* GET=projects.get
projects/*/aggregated/acceleratorTypes GET=acceleratorTypes.aggregatedList
projects/*/aggregated/addresses GET=addresses.aggregatedList
projects/*/aggregated/autoscalers GET=autoscalers.aggregatedList
projects/*/aggregated/backendBuckets GET=backendBuckets.aggregatedList
projects/*/aggregated/backendServices GET=backendServices.aggregatedList
projects/*/aggregated/commitments GET=regionCommitments.aggregatedList
projects/*/aggregated/compositeHealthChecks GET=regionCompositeHealthChecks.aggregatedList
projects/*/aggregated/diskTypes GET=diskTypes.aggregatedList
projects/*/aggregated/disks GET=disks.aggregatedList
projects/*/aggregated/firewallPolicies GET=networkFirewallPolicies.aggregatedList
projects/*/aggregated/forwardingRules GET=forwardingRules.aggregatedList
projects/*/aggregated/futureReservations GET=futureReservations.aggregatedList
projects/*/aggregated/healthAggregationPolicies GET=regionHealthAggregationPolicies.aggregatedList
projects/*/aggregated/healthCheckServices GET=regionHealthCheckServices.aggregatedList
projects/*/aggregated/healthChecks GET=healthChecks.aggregatedList
projects/*/aggregated/healthSources GET=regionHealthSources.aggregatedList
projects/*/aggregated/instanceGroupManagers GET=instanceGroupManagers.aggregatedList
projects/*/aggregated/instanceGroups GET=instanceGroups.aggregatedList
projects/*/aggregated/instanceTemplates GET=instanceTemplates.aggregatedList
projects/*/aggregated/instances GET=instances.aggregatedList
projects/*/aggregated/instantSnapshots GET=instantSnapshots.aggregatedList
projects/*/aggregated/interconnectAttachments GET=interconnectAttachments.aggregatedList
projects/*/aggregated/machineTypes GET=machineTypes.aggregatedList
projects/*/aggregated/networkAttachments GET=networkAttachments.aggregatedList
projects/*/aggregated/networkEdgeSecurityServices GET=networkEdgeSecurityServices.aggregatedList
projects/*/aggregated/networkEndpointGroups GET=networkEndpointGroups.aggregatedList
projects/*/aggregated/networkPolicies GET=regionNetworkPolicies.aggregatedList
projects/*/aggregated/nodeGroups GET=nodeGroups.aggregatedList
projects/*/aggregated/nodeTemplates GET=nodeTemplates.aggregatedList
projects/*/aggregated/nodeTypes GET=nodeTypes.aggregatedList
projects/*/aggregated/notificationEndpoints GET=regionNotificationEndpoints.aggregatedList
projects/*/aggregated/operations GET=globalOperations.aggregatedList
projects/*/aggregated/packetMirrorings GET=packetMirrorings.aggregatedList
projects/*/aggregated/publicDelegatedPrefixes GET=publicDelegatedPrefixes.aggregatedList
projects/*/aggregated/reservations GET=reservations.aggregatedList
projects/*/aggregated/resourcePolicies GET=resourcePolicies.aggregatedList
projects/*/aggregated/routers GET=routers.aggregatedList
projects/*/aggregated/securityPolicies GET=securityPolicies.aggregatedList
projects/*/aggregated/serviceAttachments GET=serviceAttachments.aggregatedList
projects/*/aggregated/snapshots GET=snapshots.aggregatedList
projects/*/aggregated/sslCertificates GET=sslCertificates.aggregatedList
projects/*/aggregated/sslPolicies GET=sslPolicies.aggregatedList
projects/*/aggregated/storagePoolTypes GET=storagePoolTypes.aggregatedList
projects/*/aggregated/storagePools GET=storagePools.aggregatedList
projects/*/aggregated/subnetworks GET=subnetworks.aggregatedList
projects/*/aggregated/subnetworks/listUsable GET=subnetworks.listUsable
projects/*/aggregated/targetHttpProxies GET=targetHttpProxies.aggregatedList
projects/*/aggregated/targetHttpsProxies GET=targetHttpsProxies.aggregatedList
projects/*/aggregated/targetInstances GET=targetInstances.aggregatedList
projects/*/aggregated/targetPools GET=targetPools.aggregatedList
projects/*/aggregated/targetTcpProxies GET=targetTcpProxies.aggregatedList
projects/*/aggregated/targetVpnGateways GET=targetVpnGateways.aggregatedList
projects/*/aggregated/urlMaps GET=urlMaps.aggregatedList
projects/*/aggregated/vmExtensionPolicies GET=globalVmExtensionPolicies.aggregatedList
projects/*/aggregated/vpnGateways GET=vpnGateways.aggregatedList
projects/*/aggregated/vpnTunnels GET=vpnTunnels.aggregatedList
projects/*/disableXpnHost POST=projects.disableXpnHost
projects/*/disableXpnResource POST=projects.disableXpnResource
projects/*/enableXpnHost POST=projects.enableXpnHost
projects/*/enableXpnResource POST=projects.enableXpnResource
projects/*/getXpnHost GET=projects.getXpnHost
projects/*/getXpnResources GET=projects.getXpnResources
projects/*/global/addresses GET=globalAddresses.list POST=globalAddresses.insert
projects/*/global/addresses/* DELETE=globalAddresses.delete GET=globalAddresses.get
projects/*/global/addresses/*/move POST=globalAddresses.move
projects/*/global/addresses/*/setLabels POST=globalAddresses.setLabels
projects/*/global/addresses/*/testIamPermissions POST=globalAddresses.testIamPermissions
projects/*/global/backendBuckets GET=backendBuckets.list POST=backendBuckets.insert
projects/*/global/backendBuckets/* DELETE=backendBuckets.delete GET=backendBuckets.get PATCH=backendBuckets.patch PUT=backendBuckets.update
projects/*/global/backendBuckets/*/addSignedUrlKey POST=backendBuckets.addSignedUrlKey
projects/*/global/backendBuckets/*/deleteSignedUrlKey POST=backendBuckets.deleteSignedUrlKey
projects/*/global/backendBuckets/*/getIamPolicy GET=backendBuckets.getIamPolicy
projects/*/global/backendBuckets/*/setEdgeSecurityPolicy POST=backendBuckets.setEdgeSecurityPolicy
projects/*/global/backendBuckets/*/setIamPolicy POST=backendBuckets.setIamPolicy
projects/*/global/backendBuckets/*/testIamPermissions POST=backendBuckets.testIamPermissions
projects/*/global/backendBuckets/listUsable GET=backendBuckets.listUsable
projects/*/global/backendServices GET=backendServices.list POST=backendServices.insert
projects/*/global/backendServices/* DELETE=backendServices.delete GET=backendServices.get PATCH=backendServices.patch PUT=backendServices.update
projects/*/global/backendServices/*/addSignedUrlKey POST=backendServices.addSignedUrlKey
projects/*/global/backendServices/*/deleteSignedUrlKey POST=backendServices.deleteSignedUrlKey
projects/*/global/backendServices/*/getEffectiveSecurityPolicies GET=backendServices.getEffectiveSecurityPolicies
projects/*/global/backendServices/*/getHealth POST=backendServices.getHealth
projects/*/global/backendServices/*/getIamPolicy GET=backendServices.getIamPolicy
projects/*/global/backendServices/*/setEdgeSecurityPolicy POST=backendServices.setEdgeSecurityPolicy
projects/*/global/backendServices/*/setIamPolicy POST=backendServices.setIamPolicy
projects/*/global/backendServices/*/setSecurityPolicy POST=backendServices.setSecurityPolicy
projects/*/global/backendServices/*/testIamPermissions POST=backendServices.testIamPermissions
projects/*/global/backendServices/listUsable GET=backendServices.listUsable
projects/*/global/crossSiteNetworks GET=crossSiteNetworks.list POST=crossSiteNetworks.insert
projects/*/global/crossSiteNetworks/* DELETE=crossSiteNetworks.delete GET=crossSiteNetworks.get PATCH=crossSiteNetworks.patch
projects/*/global/crossSiteNetworks/*/wireGroups GET=wireGroups.list POST=wireGroups.insert
projects/*/global/crossSiteNetworks/*/wireGroups/* DELETE=wireGroups.delete GET=wireGroups.get PATCH=wireGroups.patch
projects/*/global/externalVpnGateways GET=externalVpnGateways.list POST=externalVpnGateways.insert
projects/*/global/externalVpnGateways/* DELETE=externalVpnGateways.delete GET=externalVpnGateways.get
projects/*/global/externalVpnGateways/*/setLabels POST=externalVpnGateways.setLabels
projects/*/global/externalVpnGateways/*/testIamPermissions POST=externalVpnGateways.testIamPermissions
projects/*/global/firewallPolicies GET=networkFirewallPolicies.list POST=networkFirewallPolicies.insert
projects/*/global/firewallPolicies/* DELETE=networkFirewallPolicies.delete GET=networkFirewallPolicies.get PATCH=networkFirewallPolicies.patch
projects/*/global/firewallPolicies/*/addAssociation POST=networkFirewallPolicies.addAssociation
projects/*/global/firewallPolicies/*/addPacketMirroringRule POST=networkFirewallPolicies.addPacketMirroringRule
projects/*/global/firewallPolicies/*/addRule POST=networkFirewallPolicies.addRule
projects/*/global/firewallPolicies/*/cloneRules POST=networkFirewallPolicies.cloneRules
projects/*/global/firewallPolicies/*/getAssociation GET=networkFirewallPolicies.getAssociation
projects/*/global/firewallPolicies/*/getIamPolicy GET=networkFirewallPolicies.getIamPolicy
projects/*/global/firewallPolicies/*/getPacketMirroringRule GET=networkFirewallPolicies.getPacketMirroringRule
projects/*/global/firewallPolicies/*/getRule GET=networkFirewallPolicies.getRule
projects/*/global/firewallPolicies/*/patchPacketMirroringRule POST=networkFirewallPolicies.patchPacketMirroringRule
projects/*/global/firewallPolicies/*/patchRule POST=networkFirewallPolicies.patchRule
projects/*/global/firewallPolicies/*/removeAssociation POST=networkFirewallPolicies.removeAssociation
projects/*/global/firewallPolicies/*/removePacketMirroringRule POST=networkFirewallPolicies.removePacketMirroringRule
projects/*/global/firewallPolicies/*/removeRule POST=networkFirewallPolicies.removeRule
projects/*/global/firewallPolicies/*/setIamPolicy POST=networkFirewallPolicies.setIamPolicy
projects/*/global/firewallPolicies/*/testIamPermissions POST=networkFirewallPolicies.testIamPermissions
projects/*/global/firewalls GET=firewalls.list POST=firewalls.insert
projects/*/global/firewalls/* DELETE=firewalls.delete GET=firewalls.get PATCH=firewalls.patch PUT=firewalls.update
projects/*/global/firewalls/*/testIamPermissions POST=firewalls.testIamPermissions
projects/*/global/forwardingRules GET=globalForwardingRules.list POST=globalForwardingRules.insert
projects/*/global/forwardingRules/* DELETE=globalForwardingRules.delete GET=globalForwardingRules.get PATCH=globalForwardingRules.patch
projects/*/global/forwardingRules/*/setLabels POST=globalForwardingRules.setLabels
projects/*/global/forwardingRules/*/setTarget POST=globalForwardingRules.setTarget
projects/*/global/forwardingRules/*/testIamPermissions POST=globalForwardingRules.testIamPermissions
projects/*/global/globalFrontendSettings GET=globalFrontendSettings.get PATCH=globalFrontendSettings.patch
projects/*/global/healthChecks GET=healthChecks.list POST=healthChecks.insert
projects/*/global/healthChecks/* DELETE=healthChecks.delete GET=healthChecks.get PATCH=healthChecks.patch PUT=healthChecks.update
projects/*/global/healthChecks/*/testIamPermissions POST=healthChecks.testIamPermissions
projects/*/global/httpHealthChecks GET=httpHealthChecks.list POST=httpHealthChecks.insert
projects/*/global/httpHealthChecks/* DELETE=httpHealthChecks.delete GET=httpHealthChecks.get PATCH=httpHealthChecks.patch PUT=httpHealthChecks.update
projects/*/global/httpHealthChecks/*/testIamPermissions POST=httpHealthChecks.testIamPermissions
projects/*/global/httpsHealthChecks GET=httpsHealthChecks.list POST=httpsHealthChecks.insert
projects/*/global/httpsHealthChecks/* DELETE=httpsHealthChecks.delete GET=httpsHealthChecks.get PATCH=httpsHealthChecks.patch PUT=httpsHealthChecks.update
projects/*/global/httpsHealthChecks/*/testIamPermissions POST=httpsHealthChecks.testIamPermissions
projects/*/global/images GET=images.list POST=images.insert
projects/*/global/images/* DELETE=images.delete GET=images.get PATCH=images.patch
projects/*/global/images/*/deprecate POST=images.deprecate
projects/*/global/images/*/getIamPolicy GET=images.getIamPolicy
projects/*/global/images/*/setIamPolicy POST=images.setIamPolicy
projects/*/global/images/*/setLabels POST=images.setLabels
projects/*/global/images/*/testIamPermissions POST=images.testIamPermissions
projects/*/global/images/family/* GET=images.getFromFamily
projects/*/global/instanceTemplates GET=instanceTemplates.list POST=instanceTemplates.insert
projects/*/global/instanceTemplates/* DELETE=instanceTemplates.delete GET=instanceTemplates.get
projects/*/global/instanceTemplates/*/getIamPolicy GET=instanceTemplates.getIamPolicy
projects/*/global/instanceTemplates/*/setIamPolicy POST=instanceTemplates.setIamPolicy
projects/*/global/instanceTemplates/*/testIamPermissions POST=instanceTemplates.testIamPermissions
projects/*/global/interconnectAttachmentGroups GET=interconnectAttachmentGroups.list POST=interconnectAttachmentGroups.insert
projects/*/global/interconnectAttachmentGroups/* DELETE=interconnectAttachmentGroups.delete GET=interconnectAttachmentGroups.get PATCH=interconnectAttachmentGroups.patch
projects/*/global/interconnectAttachmentGroups/*/getIamPolicy GET=interconnectAttachmentGroups.getIamPolicy
projects/*/global/interconnectAttachmentGroups/*/getOperationalStatus GET=interconnectAttachmentGroups.getOperationalStatus
projects/*/global/interconnectAttachmentGroups/*/setIamPolicy POST=interconnectAttachmentGroups.setIamPolicy
projects/*/global/interconnectAttachmentGroups/*/testIamPermissions POST=interconnectAttachmentGroups.testIamPermissions
projects/*/global/interconnectGroups GET=interconnectGroups.list POST=interconnectGroups.insert
projects/*/global/interconnectGroups/* DELETE=interconnectGroups.delete GET=interconnectGroups.get PATCH=interconnectGroups.patch
projects/*/global/interconnectGroups/*/createMembers POST=interconnectGroups.createMembers
projects/*/global/interconnectGroups/*/getIamPolicy GET=interconnectGroups.getIamPolicy
projects/*/global/interconnectGroups/*/getOperationalStatus GET=interconnectGroups.getOperationalStatus
projects/*/global/interconnectGroups/*/setIamPolicy POST=interconnectGroups.setIamPolicy
projects/*/global/interconnectGroups/*/testIamPermissions POST=interconnectGroups.testIamPermissions
projects/*/global/interconnectLocations GET=interconnectLocations.list
projects/*/global/interconnectLocations/* GET=interconnectLocations.get
projects/*/global/interconnectRemoteLocations GET=interconnectRemoteLocations.list
projects/*/global/interconnectRemoteLocations/* GET=interconnectRemoteLocations.get
projects/*/global/interconnects GET=interconnects.list POST=interconnects.insert
projects/*/global/interconnects/* DELETE=interconnects.delete GET=interconnects.get PATCH=interconnects.patch
projects/*/global/interconnects/*/getDiagnostics GET=interconnects.getDiagnostics
projects/*/global/interconnects/*/getMacsecConfig GET=interconnects.getMacsecConfig
projects/*/global/interconnects/*/setLabels POST=interconnects.setLabels
projects/*/global/interconnects/*/setName POST=interconnects.setName
projects/*/global/interconnects/*/testIamPermissions POST=interconnects.testIamPermissions
projects/*/global/licenseCodes/* GET=licenseCodes.get
projects/*/global/licenseCodes/*/getIamPolicy GET=licenseCodes.getIamPolicy
projects/*/global/licenseCodes/*/setIamPolicy POST=licenseCodes.setIamPolicy
projects/*/global/licenseCodes/*/testIamPermissions POST=licenseCodes.testIamPermissions
projects/*/global/licenses GET=licenses.list POST=licenses.insert
projects/*/global/licenses/* DELETE=licenses.delete GET=licenses.get PATCH=licenses.update
projects/*/global/licenses/*/getIamPolicy GET=licenses.getIamPolicy
projects/*/global/licenses/*/setIamPolicy POST=licenses.setIamPolicy
projects/*/global/licenses/*/testIamPermissions POST=licenses.testIamPermissions
projects/*/global/machineImages GET=machineImages.list POST=machineImages.insert
projects/*/global/machineImages/* DELETE=machineImages.delete GET=machineImages.get
projects/*/global/machineImages/*/getIamPolicy GET=machineImages.getIamPolicy
projects/*/global/machineImages/*/setIamPolicy POST=machineImages.setIamPolicy
projects/*/global/machineImages/*/setLabels POST=machineImages.setLabels
projects/*/global/machineImages/*/testIamPermissions POST=machineImages.testIamPermissions
projects/*/global/managedRulesets GET=managedRulesets.list
projects/*/global/managedRulesets/* GET=managedRulesets.get
projects/*/global/networkEndpointGroups GET=globalNetworkEndpointGroups.list POST=globalNetworkEndpointGroups.insert
projects/*/global/networkEndpointGroups/* DELETE=globalNetworkEndpointGroups.delete GET=globalNetworkEndpointGroups.get
projects/*/global/networkEndpointGroups/*/attachNetworkEndpoints POST=globalNetworkEndpointGroups.attachNetworkEndpoints
projects/*/global/networkEndpointGroups/*/detachNetworkEndpoints POST=globalNetworkEndpointGroups.detachNetworkEndpoints
projects/*/global/networkEndpointGroups/*/listNetworkEndpoints POST=globalNetworkEndpointGroups.listNetworkEndpoints
projects/*/global/networkProfiles GET=networkProfiles.list
projects/*/global/networkProfiles/* GET=networkProfiles.get
projects/*/global/networks GET=networks.list POST=networks.insert
projects/*/global/networks/* DELETE=networks.delete GET=networks.get PATCH=networks.patch
projects/*/global/networks/*/addPeering POST=networks.addPeering
projects/*/global/networks/*/cancelRequestRemovePeering POST=networks.cancelRequestRemovePeering
projects/*/global/networks/*/getEffectiveFirewalls GET=networks.getEffectiveFirewalls
projects/*/global/networks/*/listPeeringRoutes GET=networks.listPeeringRoutes
projects/*/global/networks/*/removePeering POST=networks.removePeering
projects/*/global/networks/*/requestRemovePeering POST=networks.requestRemovePeering
projects/*/global/networks/*/switchToCustomMode POST=networks.switchToCustomMode
projects/*/global/networks/*/testIamPermissions POST=networks.testIamPermissions
projects/*/global/networks/*/updatePeering PATCH=networks.updatePeering
projects/*/global/operations GET=globalOperations.list
projects/*/global/operations/* DELETE=globalOperations.delete GET=globalOperations.get
projects/*/global/operations/*/wait POST=globalOperations.wait
projects/*/global/previewFeatures GET=previewFeatures.list
projects/*/global/previewFeatures/* GET=previewFeatures.get PATCH=previewFeatures.update
projects/*/global/publicAdvertisedPrefixes GET=publicAdvertisedPrefixes.list POST=publicAdvertisedPrefixes.insert
projects/*/global/publicAdvertisedPrefixes/* DELETE=publicAdvertisedPrefixes.delete GET=publicAdvertisedPrefixes.get PATCH=publicAdvertisedPrefixes.patch
projects/*/global/publicAdvertisedPrefixes/*/announce POST=publicAdvertisedPrefixes.announce
projects/*/global/publicAdvertisedPrefixes/*/withdraw POST=publicAdvertisedPrefixes.withdraw
projects/*/global/publicDelegatedPrefixes GET=globalPublicDelegatedPrefixes.list POST=globalPublicDelegatedPrefixes.insert
projects/*/global/publicDelegatedPrefixes/* DELETE=globalPublicDelegatedPrefixes.delete GET=globalPublicDelegatedPrefixes.get PATCH=globalPublicDelegatedPrefixes.patch
projects/*/global/recoverableSnapshots GET=recoverableSnapshots.list
projects/*/global/recoverableSnapshots/* DELETE=recoverableSnapshots.delete GET=recoverableSnapshots.get
projects/*/global/recoverableSnapshots/*/getIamPolicy GET=recoverableSnapshots.getIamPolicy
projects/*/global/recoverableSnapshots/*/recover POST=recoverableSnapshots.recover
projects/*/global/recoverableSnapshots/*/setIamPolicy POST=recoverableSnapshots.setIamPolicy
projects/*/global/recoverableSnapshots/*/testIamPermissions POST=recoverableSnapshots.testIamPermissions
projects/*/global/reliabilityRisks GET=reliabilityRisks.list
projects/*/global/reliabilityRisks/* GET=reliabilityRisks.get
projects/*/global/rolloutPlans GET=rolloutPlans.list POST=rolloutPlans.insert
projects/*/global/rolloutPlans/* DELETE=rolloutPlans.delete GET=rolloutPlans.get
projects/*/global/rollouts GET=rollouts.list
projects/*/global/rollouts/* DELETE=rollouts.delete GET=rollouts.get PATCH=rollouts.cancel
projects/*/global/rollouts/*/advance POST=rollouts.advance
projects/*/global/rollouts/*/pause POST=rollouts.pause
projects/*/global/rollouts/*/resume POST=rollouts.resume
projects/*/global/routes GET=routes.list POST=routes.insert
projects/*/global/routes/* DELETE=routes.delete GET=routes.get
projects/*/global/routes/*/testIamPermissions POST=routes.testIamPermissions
projects/*/global/securityPolicies GET=securityPolicies.list POST=securityPolicies.insert
projects/*/global/securityPolicies/* DELETE=securityPolicies.delete GET=securityPolicies.get PATCH=securityPolicies.patch
projects/*/global/securityPolicies/*/addRule POST=securityPolicies.addRule
projects/*/global/securityPolicies/*/getRule GET=securityPolicies.getRule
projects/*/global/securityPolicies/*/patchRule POST=securityPolicies.patchRule
projects/*/global/securityPolicies/*/removeRule POST=securityPolicies.removeRule
projects/*/global/securityPolicies/*/setLabels POST=securityPolicies.setLabels
projects/*/global/securityPolicies/*/testIamPermissions POST=securityPolicies.testIamPermissions
projects/*/global/securityPolicies/listPreconfiguredExpressionSets GET=securityPolicies.listPreconfiguredExpressionSets
projects/*/global/snapshotGroups GET=snapshotGroups.list POST=snapshotGroups.insert
projects/*/global/snapshotGroups/* DELETE=snapshotGroups.delete GET=snapshotGroups.get
projects/*/global/snapshotGroups/*/getIamPolicy GET=snapshotGroups.getIamPolicy
projects/*/global/snapshotGroups/*/setIamPolicy POST=snapshotGroups.setIamPolicy
projects/*/global/snapshotGroups/*/testIamPermissions POST=snapshotGroups.testIamPermissions
projects/*/global/snapshotRecycleBinPolicy GET=snapshotRecycleBinPolicy.get PATCH=snapshotRecycleBinPolicy.patch
projects/*/global/snapshotSettings GET=snapshotSettings.get PATCH=snapshotSettings.patch
projects/*/global/snapshots GET=snapshots.list POST=snapshots.insert
projects/*/global/snapshots/* DELETE=snapshots.delete GET=snapshots.get
projects/*/global/snapshots/*/getEffectiveRecycleBinRule GET=snapshots.getEffectiveRecycleBinRule
projects/*/global/snapshots/*/getIamPolicy GET=snapshots.getIamPolicy
projects/*/global/snapshots/*/setIamPolicy POST=snapshots.setIamPolicy
projects/*/global/snapshots/*/setLabels POST=snapshots.setLabels
projects/*/global/snapshots/*/testIamPermissions POST=snapshots.testIamPermissions
projects/*/global/snapshots/*/updateKmsKey POST=snapshots.updateKmsKey
projects/*/global/sslCertificates GET=sslCertificates.list POST=sslCertificates.insert
projects/*/global/sslCertificates/* DELETE=sslCertificates.delete GET=sslCertificates.get
projects/*/global/sslCertificates/*/testIamPermissions POST=sslCertificates.testIamPermissions
projects/*/global/sslPolicies GET=sslPolicies.list POST=sslPolicies.insert
projects/*/global/sslPolicies/* DELETE=sslPolicies.delete GET=sslPolicies.get PATCH=sslPolicies.patch
projects/*/global/sslPolicies/*/getIamPolicy GET=sslPolicies.getIamPolicy
projects/*/global/sslPolicies/*/setIamPolicy POST=sslPolicies.setIamPolicy
projects/*/global/sslPolicies/*/testIamPermissions POST=sslPolicies.testIamPermissions
projects/*/global/sslPolicies/listAvailableFeatures GET=sslPolicies.listAvailableFeatures
projects/*/global/targetGrpcProxies GET=targetGrpcProxies.list POST=targetGrpcProxies.insert
projects/*/global/targetGrpcProxies/* DELETE=targetGrpcProxies.delete GET=targetGrpcProxies.get PATCH=targetGrpcProxies.patch
projects/*/global/targetGrpcProxies/*/testIamPermissions POST=targetGrpcProxies.testIamPermissions
projects/*/global/targetHttpProxies GET=targetHttpProxies.list POST=targetHttpProxies.insert
projects/*/global/targetHttpProxies/* DELETE=targetHttpProxies.delete GET=targetHttpProxies.get PATCH=targetHttpProxies.patch
projects/*/global/targetHttpProxies/*/testIamPermissions POST=targetHttpProxies.testIamPermissions
projects/*/global/targetHttpsProxies GET=targetHttpsProxies.list POST=targetHttpsProxies.insert
projects/*/global/targetHttpsProxies/* DELETE=targetHttpsProxies.delete GET=targetHttpsProxies.get PATCH=targetHttpsProxies.patch
projects/*/global/targetHttpsProxies/*/setCertificateMap POST=targetHttpsProxies.setCertificateMap
projects/*/global/targetHttpsProxies/*/setQuicOverride POST=targetHttpsProxies.setQuicOverride
projects/*/global/targetHttpsProxies/*/setSslPolicy POST=targetHttpsProxies.setSslPolicy
projects/*/global/targetHttpsProxies/*/testIamPermissions POST=targetHttpsProxies.testIamPermissions
projects/*/global/targetSslProxies GET=targetSslProxies.list POST=targetSslProxies.insert
projects/*/global/targetSslProxies/* DELETE=targetSslProxies.delete GET=targetSslProxies.get
projects/*/global/targetSslProxies/*/setBackendService POST=targetSslProxies.setBackendService
projects/*/global/targetSslProxies/*/setCertificateMap POST=targetSslProxies.setCertificateMap
projects/*/global/targetSslProxies/*/setProxyHeader POST=targetSslProxies.setProxyHeader
projects/*/global/targetSslProxies/*/setSslCertificates POST=targetSslProxies.setSslCertificates
projects/*/global/targetSslProxies/*/setSslPolicy POST=targetSslProxies.setSslPolicy
projects/*/global/targetSslProxies/*/testIamPermissions POST=targetSslProxies.testIamPermissions
projects/*/global/targetTcpProxies GET=targetTcpProxies.list POST=targetTcpProxies.insert
projects/*/global/targetTcpProxies/* DELETE=targetTcpProxies.delete GET=targetTcpProxies.get
projects/*/global/targetTcpProxies/*/setBackendService POST=targetTcpProxies.setBackendService
projects/*/global/targetTcpProxies/*/setProxyHeader POST=targetTcpProxies.setProxyHeader
projects/*/global/targetTcpProxies/*/testIamPermissions POST=targetTcpProxies.testIamPermissions
projects/*/global/urlMaps GET=urlMaps.list POST=urlMaps.insert
projects/*/global/urlMaps/* DELETE=urlMaps.delete GET=urlMaps.get PATCH=urlMaps.patch PUT=urlMaps.update
projects/*/global/urlMaps/*/invalidateCache POST=urlMaps.invalidateCache
projects/*/global/urlMaps/*/testIamPermissions POST=urlMaps.testIamPermissions
projects/*/global/urlMaps/*/validate POST=urlMaps.validate
projects/*/global/vmExtensionPolicies GET=globalVmExtensionPolicies.list POST=globalVmExtensionPolicies.insert
projects/*/global/vmExtensionPolicies/* GET=globalVmExtensionPolicies.get PATCH=globalVmExtensionPolicies.update
projects/*/global/vmExtensionPolicies/*/delete POST=globalVmExtensionPolicies.delete
projects/*/listXpnHosts POST=projects.listXpnHosts
projects/*/moveDisk POST=projects.moveDisk
projects/*/moveInstance POST=projects.moveInstance
projects/*/regions GET=regions.list
projects/*/regions/* GET=regions.get
projects/*/regions/*/addresses GET=addresses.list POST=addresses.insert
projects/*/regions/*/addresses/* DELETE=addresses.delete GET=addresses.get
projects/*/regions/*/addresses/*/move POST=addresses.move
projects/*/regions/*/addresses/*/setLabels POST=addresses.setLabels
projects/*/regions/*/addresses/*/testIamPermissions POST=addresses.testIamPermissions
projects/*/regions/*/advice/calendarMode POST=advice.calendarMode
projects/*/regions/*/advice/calendarModeExtension POST=advice.calendarModeExtension
projects/*/regions/*/advice/capacity POST=advice.capacity
projects/*/regions/*/advice/capacityHistory POST=advice.capacityHistory
projects/*/regions/*/autoscalers GET=regionAutoscalers.list PATCH=regionAutoscalers.patch POST=regionAutoscalers.insert PUT=regionAutoscalers.update
projects/*/regions/*/autoscalers/* DELETE=regionAutoscalers.delete GET=regionAutoscalers.get
projects/*/regions/*/autoscalers/*/testIamPermissions POST=regionAutoscalers.testIamPermissions
projects/*/regions/*/backendBuckets GET=regionBackendBuckets.list POST=regionBackendBuckets.insert
projects/*/regions/*/backendBuckets/* DELETE=regionBackendBuckets.delete GET=regionBackendBuckets.get PATCH=regionBackendBuckets.patch
projects/*/regions/*/backendBuckets/*/getIamPolicy GET=regionBackendBuckets.getIamPolicy
projects/*/regions/*/backendBuckets/*/setIamPolicy POST=regionBackendBuckets.setIamPolicy
projects/*/regions/*/backendBuckets/*/testIamPermissions POST=regionBackendBuckets.testIamPermissions
projects/*/regions/*/backendBuckets/listUsable GET=regionBackendBuckets.listUsable
projects/*/regions/*/backendServices GET=regionBackendServices.list POST=regionBackendServices.insert
projects/*/regions/*/backendServices/* DELETE=regionBackendServices.delete GET=regionBackendServices.get PATCH=regionBackendServices.patch PUT=regionBackendServices.update
projects/*/regions/*/backendServices/*/getHealth POST=regionBackendServices.getHealth
projects/*/regions/*/backendServices/*/getIamPolicy GET=regionBackendServices.getIamPolicy
projects/*/regions/*/backendServices/*/setIamPolicy POST=regionBackendServices.setIamPolicy
projects/*/regions/*/backendServices/*/setSecurityPolicy POST=regionBackendServices.setSecurityPolicy
projects/*/regions/*/backendServices/*/testIamPermissions POST=regionBackendServices.testIamPermissions
projects/*/regions/*/backendServices/listUsable GET=regionBackendServices.listUsable
projects/*/regions/*/commitments GET=regionCommitments.list POST=regionCommitments.insert
projects/*/regions/*/commitments/* GET=regionCommitments.get PATCH=regionCommitments.update
projects/*/regions/*/commitments/*/testIamPermissions POST=regionCommitments.testIamPermissions
projects/*/regions/*/commitments/*/updateReservations POST=regionCommitments.updateReservations
projects/*/regions/*/compositeHealthChecks GET=regionCompositeHealthChecks.list POST=regionCompositeHealthChecks.insert
projects/*/regions/*/compositeHealthChecks/* DELETE=regionCompositeHealthChecks.delete GET=regionCompositeHealthChecks.get PATCH=regionCompositeHealthChecks.patch
projects/*/regions/*/compositeHealthChecks/*/getHealth GET=regionCompositeHealthChecks.getHealth
projects/*/regions/*/compositeHealthChecks/*/testIamPermissions POST=regionCompositeHealthChecks.testIamPermissions
projects/*/regions/*/dhcpOptionsConfigs GET=dhcpOptionsConfigs.list POST=dhcpOptionsConfigs.insert
projects/*/regions/*/dhcpOptionsConfigs/* DELETE=dhcpOptionsConfigs.delete GET=dhcpOptionsConfigs.get PATCH=dhcpOptionsConfigs.patch
projects/*/regions/*/dhcpOptionsConfigs/*/testIamPermissions POST=dhcpOptionsConfigs.testIamPermissions
projects/*/regions/*/diskSettings GET=regionDiskSettings.get PATCH=regionDiskSettings.patch
projects/*/regions/*/diskTypes GET=regionDiskTypes.list
projects/*/regions/*/diskTypes/* GET=regionDiskTypes.get
projects/*/regions/*/disks GET=regionDisks.list POST=regionDisks.insert
projects/*/regions/*/disks/* DELETE=regionDisks.delete GET=regionDisks.get PATCH=regionDisks.update
projects/*/regions/*/disks/*/addResourcePolicies POST=regionDisks.addResourcePolicies
projects/*/regions/*/disks/*/createSnapshot POST=regionDisks.createSnapshot
projects/*/regions/*/disks/*/getIamPolicy GET=regionDisks.getIamPolicy
projects/*/regions/*/disks/*/removeResourcePolicies POST=regionDisks.removeResourcePolicies
projects/*/regions/*/disks/*/resize POST=regionDisks.resize
projects/*/regions/*/disks/*/setIamPolicy POST=regionDisks.setIamPolicy
projects/*/regions/*/disks/*/setLabels POST=regionDisks.setLabels
projects/*/regions/*/disks/*/startAsyncReplication POST=regionDisks.startAsyncReplication
projects/*/regions/*/disks/*/stopAsyncReplication POST=regionDisks.stopAsyncReplication
projects/*/regions/*/disks/*/testIamPermissions POST=regionDisks.testIamPermissions
projects/*/regions/*/disks/*/updateKmsKey POST=regionDisks.updateKmsKey
projects/*/regions/*/disks/bulkInsert POST=regionDisks.bulkInsert
projects/*/regions/*/disks/stopGroupAsyncReplication POST=regionDisks.stopGroupAsyncReplication
projects/*/regions/*/firewallPolicies GET=regionNetworkFirewallPolicies.list POST=regionNetworkFirewallPolicies.insert
projects/*/regions/*/firewallPolicies/* DELETE=regionNetworkFirewallPolicies.delete GET=regionNetworkFirewallPolicies.get PATCH=regionNetworkFirewallPolicies.patch
projects/*/regions/*/firewallPolicies/*/addAssociation POST=regionNetworkFirewallPolicies.addAssociation
projects/*/regions/*/firewallPolicies/*/addRule POST=regionNetworkFirewallPolicies.addRule
projects/*/regions/*/firewallPolicies/*/cloneRules POST=regionNetworkFirewallPolicies.cloneRules
projects/*/regions/*/firewallPolicies/*/getAssociation GET=regionNetworkFirewallPolicies.getAssociation
projects/*/regions/*/firewallPolicies/*/getIamPolicy GET=regionNetworkFirewallPolicies.getIamPolicy
projects/*/regions/*/firewallPolicies/*/getRule GET=regionNetworkFirewallPolicies.getRule
projects/*/regions/*/firewallPolicies/*/patchAssociation POST=regionNetworkFirewallPolicies.patchAssociation
projects/*/regions/*/firewallPolicies/*/patchRule POST=regionNetworkFirewallPolicies.patchRule
projects/*/regions/*/firewallPolicies/*/removeAssociation POST=regionNetworkFirewallPolicies.removeAssociation
projects/*/regions/*/firewallPolicies/*/removeRule POST=regionNetworkFirewallPolicies.removeRule
projects/*/regions/*/firewallPolicies/*/setIamPolicy POST=regionNetworkFirewallPolicies.setIamPolicy
projects/*/regions/*/firewallPolicies/*/testIamPermissions POST=regionNetworkFirewallPolicies.testIamPermissions
projects/*/regions/*/firewallPolicies/getEffectiveFirewalls GET=regionNetworkFirewallPolicies.getEffectiveFirewalls
projects/*/regions/*/forwardingRules GET=forwardingRules.list POST=forwardingRules.insert
projects/*/regions/*/forwardingRules/* DELETE=forwardingRules.delete GET=forwardingRules.get PATCH=forwardingRules.patch
projects/*/regions/*/forwardingRules/*/setLabels POST=forwardingRules.setLabels
projects/*/regions/*/forwardingRules/*/setTarget POST=forwardingRules.setTarget
projects/*/regions/*/forwardingRules/*/testIamPermissions POST=forwardingRules.testIamPermissions
projects/*/regions/*/healthAggregationPolicies GET=regionHealthAggregationPolicies.list POST=regionHealthAggregationPolicies.insert
projects/*/regions/*/healthAggregationPolicies/* DELETE=regionHealthAggregationPolicies.delete GET=regionHealthAggregationPolicies.get PATCH=regionHealthAggregationPolicies.patch
projects/*/regions/*/healthAggregationPolicies/*/testIamPermissions POST=regionHealthAggregationPolicies.testIamPermissions
projects/*/regions/*/healthCheckServices GET=regionHealthCheckServices.list POST=regionHealthCheckServices.insert
projects/*/regions/*/healthCheckServices/* DELETE=regionHealthCheckServices.delete GET=regionHealthCheckServices.get PATCH=regionHealthCheckServices.patch
projects/*/regions/*/healthCheckServices/*/testIamPermissions POST=regionHealthCheckServices.testIamPermissions
projects/*/regions/*/healthChecks GET=regionHealthChecks.list POST=regionHealthChecks.insert
projects/*/regions/*/healthChecks/* DELETE=regionHealthChecks.delete GET=regionHealthChecks.get PATCH=regionHealthChecks.patch PUT=regionHealthChecks.update
projects/*/regions/*/healthChecks/*/testIamPermissions POST=regionHealthChecks.testIamPermissions
projects/*/regions/*/healthSources GET=regionHealthSources.list POST=regionHealthSources.insert
projects/*/regions/*/healthSources/* DELETE=regionHealthSources.delete GET=regionHealthSources.get PATCH=regionHealthSources.patch
projects/*/regions/*/healthSources/*/getHealth GET=regionHealthSources.getHealth
projects/*/regions/*/healthSources/*/testIamPermissions POST=regionHealthSources.testIamPermissions
projects/*/regions/*/imageViews GET=imageViews.list
projects/*/regions/*/imageViews/* GET=imageViews.get
projects/*/regions/*/instanceGroupManagers GET=regionInstanceGroupManagers.list POST=regionInstanceGroupManagers.insert
projects/*/regions/*/instanceGroupManagers/* DELETE=regionInstanceGroupManagers.delete GET=regionInstanceGroupManagers.get PATCH=regionInstanceGroupManagers.patch PUT=regionInstanceGroupManagers.update
projects/*/regions/*/instanceGroupManagers/*/abandonInstances POST=regionInstanceGroupManagers.abandonInstances
projects/*/regions/*/instanceGroupManagers/*/adoptInstances POST=regionInstanceGroupManagers.adoptInstances
projects/*/regions/*/instanceGroupManagers/*/applyUpdatesToInstances POST=regionInstanceGroupManagers.applyUpdatesToInstances
projects/*/regions/*/instanceGroupManagers/*/createInstances POST=regionInstanceGroupManagers.createInstances
projects/*/regions/*/instanceGroupManagers/*/deleteInstances POST=regionInstanceGroupManagers.deleteInstances
projects/*/regions/*/instanceGroupManagers/*/deletePerInstanceConfigs POST=regionInstanceGroupManagers.deletePerInstanceConfigs
projects/*/regions/*/instanceGroupManagers/*/listErrors GET=regionInstanceGroupManagers.listErrors
projects/*/regions/*/instanceGroupManagers/*/listManagedInstances POST=regionInstanceGroupManagers.listManagedInstances
projects/*/regions/*/instanceGroupManagers/*/listPerInstanceConfigs POST=regionInstanceGroupManagers.listPerInstanceConfigs
projects/*/regions/*/instanceGroupManagers/*/patchPerInstanceConfigs POST=regionInstanceGroupManagers.patchPerInstanceConfigs
projects/*/regions/*/instanceGroupManagers/*/recreateInstances POST=regionInstanceGroupManagers.recreateInstances
projects/*/regions/*/instanceGroupManagers/*/resize POST=regionInstanceGroupManagers.resize
projects/*/regions/*/instanceGroupManagers/*/resizeAdvanced POST=regionInstanceGroupManagers.resizeAdvanced
projects/*/regions/*/instanceGroupManagers/*/resizeRequests GET=regionInstanceGroupManagerResizeRequests.list POST=regionInstanceGroupManagerResizeRequests.insert
projects/*/regions/*/instanceGroupManagers/*/resizeRequests/* DELETE=regionInstanceGroupManagerResizeRequests.delete GET=regionInstanceGroupManagerResizeRequests.get
projects/*/regions/*/instanceGroupManagers/*/resizeRequests/*/cancel POST=regionInstanceGroupManagerResizeRequests.cancel
projects/*/regions/*/instanceGroupManagers/*/resumeInstances POST=regionInstanceGroupManagers.resumeInstances
projects/*/regions/*/instanceGroupManagers/*/setAutoHealingPolicies POST=regionInstanceGroupManagers.setAutoHealingPolicies
projects/*/regions/*/instanceGroupManagers/*/setInstanceTemplate POST=regionInstanceGroupManagers.setInstanceTemplate
projects/*/regions/*/instanceGroupManagers/*/setTargetPools POST=regionInstanceGroupManagers.setTargetPools
projects/*/regions/*/instanceGroupManagers/*/startInstances POST=regionInstanceGroupManagers.startInstances
projects/*/regions/*/instanceGroupManagers/*/stopInstances POST=regionInstanceGroupManagers.stopInstances
projects/*/regions/*/instanceGroupManagers/*/suspendInstances POST=regionInstanceGroupManagers.suspendInstances
projects/*/regions/*/instanceGroupManagers/*/testIamPermissions POST=regionInstanceGroupManagers.testIamPermissions
projects/*/regions/*/instanceGroupManagers/*/updatePerInstanceConfigs POST=regionInstanceGroupManagers.updatePerInstanceConfigs
projects/*/regions/*/instanceGroups GET=regionInstanceGroups.list
projects/*/regions/*/instanceGroups/* GET=regionInstanceGroups.get
projects/*/regions/*/instanceGroups/*/listInstances POST=regionInstanceGroups.listInstances
projects/*/regions/*/instanceGroups/*/setNamedPorts POST=regionInstanceGroups.setNamedPorts
projects/*/regions/*/instanceGroups/*/testIamPermissions POST=regionInstanceGroups.testIamPermissions
projects/*/regions/*/instanceTemplates GET=regionInstanceTemplates.list POST=regionInstanceTemplates.insert
projects/*/regions/*/instanceTemplates/* DELETE=regionInstanceTemplates.delete GET=regionInstanceTemplates.get
projects/*/regions/*/instances/bulkInsert POST=regionInstances.bulkInsert
projects/*/regions/*/instantSnapshotGroups GET=regionInstantSnapshotGroups.list POST=regionInstantSnapshotGroups.insert
projects/*/regions/*/instantSnapshotGroups/* DELETE=regionInstantSnapshotGroups.delete GET=regionInstantSnapshotGroups.get
projects/*/regions/*/instantSnapshotGroups/*/getIamPolicy GET=regionInstantSnapshotGroups.getIamPolicy
projects/*/regions/*/instantSnapshotGroups/*/setIamPolicy POST=regionInstantSnapshotGroups.setIamPolicy
projects/*/regions/*/instantSnapshotGroups/*/testIamPermissions POST=regionInstantSnapshotGroups.testIamPermissions
projects/*/regions/*/instantSnapshots GET=regionInstantSnapshots.list POST=regionInstantSnapshots.insert
projects/*/regions/*/instantSnapshots/* DELETE=regionInstantSnapshots.delete GET=regionInstantSnapshots.get
projects/*/regions/*/instantSnapshots/*/getIamPolicy GET=regionInstantSnapshots.getIamPolicy
projects/*/regions/*/instantSnapshots/*/setIamPolicy POST=regionInstantSnapshots.setIamPolicy
projects/*/regions/*/instantSnapshots/*/setLabels POST=regionInstantSnapshots.setLabels
projects/*/regions/*/instantSnapshots/*/testIamPermissions POST=regionInstantSnapshots.testIamPermissions
projects/*/regions/*/interconnectAttachments GET=interconnectAttachments.list POST=interconnectAttachments.insert
projects/*/regions/*/interconnectAttachments/* DELETE=interconnectAttachments.delete GET=interconnectAttachments.get PATCH=interconnectAttachments.patch
projects/*/regions/*/interconnectAttachments/*/setLabels POST=interconnectAttachments.setLabels
projects/*/regions/*/interconnectAttachments/*/testIamPermissions POST=interconnectAttachments.testIamPermissions
projects/*/regions/*/multiMigs GET=regionMultiMigs.list POST=regionMultiMigs.insert
projects/*/regions/*/multiMigs/* DELETE=regionMultiMigs.delete GET=regionMultiMigs.get
projects/*/regions/*/multiMigs/*/multiMigMembers GET=regionMultiMigMembers.list
projects/*/regions/*/multiMigs/*/multiMigMembers/* GET=regionMultiMigMembers.get
projects/*/regions/*/networkAttachments GET=networkAttachments.list POST=networkAttachments.insert
projects/*/regions/*/networkAttachments/* DELETE=networkAttachments.delete GET=networkAttachments.get PATCH=networkAttachments.patch
projects/*/regions/*/networkAttachments/*/getIamPolicy GET=networkAttachments.getIamPolicy
projects/*/regions/*/networkAttachments/*/setIamPolicy POST=networkAttachments.setIamPolicy
projects/*/regions/*/networkAttachments/*/testIamPermissions POST=networkAttachments.testIamPermissions
projects/*/regions/*/networkEdgeSecurityServices POST=networkEdgeSecurityServices.insert
projects/*/regions/*/networkEdgeSecurityServices/* DELETE=networkEdgeSecurityServices.delete GET=networkEdgeSecurityServices.get PATCH=networkEdgeSecurityServices.patch
projects/*/regions/*/networkEndpointGroups GET=regionNetworkEndpointGroups.list POST=regionNetworkEndpointGroups.insert
projects/*/regions/*/networkEndpointGroups/* DELETE=regionNetworkEndpointGroups.delete GET=regionNetworkEndpointGroups.get
projects/*/regions/*/networkEndpointGroups/*/attachNetworkEndpoints POST=regionNetworkEndpointGroups.attachNetworkEndpoints
projects/*/regions/*/networkEndpointGroups/*/detachNetworkEndpoints POST=regionNetworkEndpointGroups.detachNetworkEndpoints
projects/*/regions/*/networkEndpointGroups/*/listNetworkEndpoints POST=regionNetworkEndpointGroups.listNetworkEndpoints
projects/*/regions/*/networkPolicies GET=regionNetworkPolicies.list POST=regionNetworkPolicies.insert
projects/*/regions/*/networkPolicies/* DELETE=regionNetworkPolicies.delete GET=regionNetworkPolicies.get PATCH=regionNetworkPolicies.patch
projects/*/regions/*/networkPolicies/*/addAssociation POST=regionNetworkPolicies.addAssociation
projects/*/regions/*/networkPolicies/*/addTrafficClassificationRule POST=regionNetworkPolicies.addTrafficClassificationRule
projects/*/regions/*/networkPolicies/*/getAssociation GET=regionNetworkPolicies.getAssociation
projects/*/regions/*/networkPolicies/*/getTrafficClassificationRule GET=regionNetworkPolicies.getTrafficClassificationRule
projects/*/regions/*/networkPolicies/*/patchTrafficClassificationRule POST=regionNetworkPolicies.patchTrafficClassificationRule
projects/*/regions/*/networkPolicies/*/removeAssociation POST=regionNetworkPolicies.removeAssociation
projects/*/regions/*/networkPolicies/*/removeTrafficClassificationRule POST=regionNetworkPolicies.removeTrafficClassificationRule
projects/*/regions/*/nodeTemplates GET=nodeTemplates.list POST=nodeTemplates.insert
projects/*/regions/*/nodeTemplates/* DELETE=nodeTemplates.delete GET=nodeTemplates.get
projects/*/regions/*/nodeTemplates/*/getIamPolicy GET=nodeTemplates.getIamPolicy
projects/*/regions/*/nodeTemplates/*/setIamPolicy POST=nodeTemplates.setIamPolicy
projects/*/regions/*/nodeTemplates/*/testIamPermissions POST=nodeTemplates.testIamPermissions
projects/*/regions/*/notificationEndpoints GET=regionNotificationEndpoints.list POST=regionNotificationEndpoints.insert
projects/*/regions/*/notificationEndpoints/* DELETE=regionNotificationEndpoints.delete GET=regionNotificationEndpoints.get
projects/*/regions/*/notificationEndpoints/*/testIamPermissions POST=regionNotificationEndpoints.testIamPermissions
projects/*/regions/*/operations GET=regionOperations.list
projects/*/regions/*/operations/* DELETE=regionOperations.delete GET=regionOperations.get
projects/*/regions/*/operations/*/wait POST=regionOperations.wait
projects/*/regions/*/packetMirrorings GET=packetMirrorings.list POST=packetMirrorings.insert
projects/*/regions/*/packetMirrorings/* DELETE=packetMirrorings.delete GET=packetMirrorings.get PATCH=packetMirrorings.patch
projects/*/regions/*/packetMirrorings/*/testIamPermissions POST=packetMirrorings.testIamPermissions
projects/*/regions/*/projectViews GET=projectViews.get
projects/*/regions/*/publicDelegatedPrefixes GET=publicDelegatedPrefixes.list POST=publicDelegatedPrefixes.insert
projects/*/regions/*/publicDelegatedPrefixes/* DELETE=publicDelegatedPrefixes.delete GET=publicDelegatedPrefixes.get PATCH=publicDelegatedPrefixes.patch
projects/*/regions/*/publicDelegatedPrefixes/*/announce POST=publicDelegatedPrefixes.announce
projects/*/regions/*/publicDelegatedPrefixes/*/withdraw POST=publicDelegatedPrefixes.withdraw
projects/*/regions/*/resourcePolicies GET=resourcePolicies.list POST=resourcePolicies.insert
projects/*/regions/*/resourcePolicies/* DELETE=resourcePolicies.delete GET=resourcePolicies.get PATCH=resourcePolicies.patch
projects/*/regions/*/resourcePolicies/*/getIamPolicy GET=resourcePolicies.getIamPolicy
projects/*/regions/*/resourcePolicies/*/setIamPolicy POST=resourcePolicies.setIamPolicy
projects/*/regions/*/resourcePolicies/*/testIamPermissions POST=resourcePolicies.testIamPermissions
projects/*/regions/*/routers GET=routers.list POST=routers.insert
projects/*/regions/*/routers/* DELETE=routers.delete GET=routers.get PATCH=routers.patch PUT=routers.update
projects/*/regions/*/routers/*/deleteNamedSet POST=routers.deleteNamedSet
projects/*/regions/*/routers/*/deleteRoutePolicy POST=routers.deleteRoutePolicy
projects/*/regions/*/routers/*/getNamedSet GET=routers.getNamedSet
projects/*/regions/*/routers/*/getNatIpInfo GET=routers.getNatIpInfo
projects/*/regions/*/routers/*/getNatMappingInfo GET=routers.getNatMappingInfo
projects/*/regions/*/routers/*/getRoutePolicy GET=routers.getRoutePolicy
projects/*/regions/*/routers/*/getRouterStatus GET=routers.getRouterStatus
projects/*/regions/*/routers/*/listBgpRoutes GET=routers.listBgpRoutes
projects/*/regions/*/routers/*/listNamedSets GET=routers.listNamedSets
projects/*/regions/*/routers/*/listRoutePolicies GET=routers.listRoutePolicies
projects/*/regions/*/routers/*/patchNamedSet POST=routers.patchNamedSet
projects/*/regions/*/routers/*/patchRoutePolicy POST=routers.patchRoutePolicy
projects/*/regions/*/routers/*/preview POST=routers.preview
projects/*/regions/*/routers/*/testIamPermissions POST=routers.testIamPermissions
projects/*/regions/*/routers/*/updateNamedSet POST=routers.updateNamedSet
projects/*/regions/*/routers/*/updateRoutePolicy POST=routers.updateRoutePolicy
projects/*/regions/*/securityPolicies GET=regionSecurityPolicies.list POST=regionSecurityPolicies.insert
projects/*/regions/*/securityPolicies/* DELETE=regionSecurityPolicies.delete GET=regionSecurityPolicies.get PATCH=regionSecurityPolicies.patch
projects/*/regions/*/securityPolicies/*/addRule POST=regionSecurityPolicies.addRule
projects/*/regions/*/securityPolicies/*/getRule GET=regionSecurityPolicies.getRule
projects/*/regions/*/securityPolicies/*/patchRule POST=regionSecurityPolicies.patchRule
projects/*/regions/*/securityPolicies/*/removeRule POST=regionSecurityPolicies.removeRule
projects/*/regions/*/securityPolicies/*/setLabels POST=regionSecurityPolicies.setLabels
projects/*/regions/*/serviceAttachments GET=serviceAttachments.list POST=serviceAttachments.insert
projects/*/regions/*/serviceAttachments/* DELETE=serviceAttachments.delete GET=serviceAttachments.get PATCH=serviceAttachments.patch
projects/*/regions/*/serviceAttachments/*/getIamPolicy GET=serviceAttachments.getIamPolicy
projects/*/regions/*/serviceAttachments/*/setIamPolicy POST=serviceAttachments.setIamPolicy
projects/*/regions/*/serviceAttachments/*/testIamPermissions POST=serviceAttachments.testIamPermissions
projects/*/regions/*/snapshotSettings GET=regionSnapshotSettings.get PATCH=regionSnapshotSettings.patch
projects/*/regions/*/snapshots GET=regionSnapshots.list POST=regionSnapshots.insert
projects/*/regions/*/snapshots/* DELETE=regionSnapshots.delete GET=regionSnapshots.get
projects/*/regions/*/snapshots/*/getIamPolicy GET=regionSnapshots.getIamPolicy
projects/*/regions/*/snapshots/*/setIamPolicy POST=regionSnapshots.setIamPolicy
projects/*/regions/*/snapshots/*/setLabels POST=regionSnapshots.setLabels
projects/*/regions/*/snapshots/*/testIamPermissions POST=regionSnapshots.testIamPermissions
projects/*/regions/*/snapshots/*/updateKmsKey POST=regionSnapshots.updateKmsKey
projects/*/regions/*/sslCertificates GET=regionSslCertificates.list POST=regionSslCertificates.insert
projects/*/regions/*/sslCertificates/* DELETE=regionSslCertificates.delete GET=regionSslCertificates.get
projects/*/regions/*/sslCertificates/*/testIamPermissions POST=regionSslCertificates.testIamPermissions
projects/*/regions/*/sslPolicies GET=regionSslPolicies.list POST=regionSslPolicies.insert
projects/*/regions/*/sslPolicies/* DELETE=regionSslPolicies.delete GET=regionSslPolicies.get PATCH=regionSslPolicies.patch
projects/*/regions/*/sslPolicies/*/getIamPolicy GET=regionSslPolicies.getIamPolicy
projects/*/regions/*/sslPolicies/*/setIamPolicy POST=regionSslPolicies.setIamPolicy
projects/*/regions/*/sslPolicies/*/testIamPermissions POST=regionSslPolicies.testIamPermissions
projects/*/regions/*/sslPolicies/listAvailableFeatures GET=regionSslPolicies.listAvailableFeatures
projects/*/regions/*/subnetworks GET=subnetworks.list POST=subnetworks.insert
projects/*/regions/*/subnetworks/* DELETE=subnetworks.delete GET=subnetworks.get PATCH=subnetworks.patch
projects/*/regions/*/subnetworks/*/expandIpCidrRange POST=subnetworks.expandIpCidrRange
projects/*/regions/*/subnetworks/*/getIamPolicy GET=subnetworks.getIamPolicy
projects/*/regions/*/subnetworks/*/setIamPolicy POST=subnetworks.setIamPolicy
projects/*/regions/*/subnetworks/*/setPrivateIpGoogleAccess POST=subnetworks.setPrivateIpGoogleAccess
projects/*/regions/*/subnetworks/*/testIamPermissions POST=subnetworks.testIamPermissions
projects/*/regions/*/targetHttpProxies GET=regionTargetHttpProxies.list POST=regionTargetHttpProxies.insert
projects/*/regions/*/targetHttpProxies/* DELETE=regionTargetHttpProxies.delete GET=regionTargetHttpProxies.get
projects/*/regions/*/targetHttpProxies/*/setUrlMap POST=regionTargetHttpProxies.setUrlMap
projects/*/regions/*/targetHttpProxies/*/testIamPermissions POST=regionTargetHttpProxies.testIamPermissions
projects/*/regions/*/targetHttpsProxies GET=regionTargetHttpsProxies.list POST=regionTargetHttpsProxies.insert
projects/*/regions/*/targetHttpsProxies/* DELETE=regionTargetHttpsProxies.delete GET=regionTargetHttpsProxies.get PATCH=regionTargetHttpsProxies.patch
projects/*/regions/*/targetHttpsProxies/*/setSslCertificates POST=regionTargetHttpsProxies.setSslCertificates
projects/*/regions/*/targetHttpsProxies/*/setUrlMap POST=regionTargetHttpsProxies.setUrlMap
projects/*/regions/*/targetHttpsProxies/*/testIamPermissions POST=regionTargetHttpsProxies.testIamPermissions
projects/*/regions/*/targetPools GET=targetPools.list POST=targetPools.insert
projects/*/regions/*/targetPools/* DELETE=targetPools.delete GET=targetPools.get
projects/*/regions/*/targetPools/*/addHealthCheck POST=targetPools.addHealthCheck
projects/*/regions/*/targetPools/*/addInstance POST=targetPools.addInstance
projects/*/regions/*/targetPools/*/getHealth POST=targetPools.getHealth
projects/*/regions/*/targetPools/*/removeHealthCheck POST=targetPools.removeHealthCheck
projects/*/regions/*/targetPools/*/removeInstance POST=targetPools.removeInstance
projects/*/regions/*/targetPools/*/setBackup POST=targetPools.setBackup
projects/*/regions/*/targetPools/*/setSecurityPolicy POST=targetPools.setSecurityPolicy
projects/*/regions/*/targetPools/*/testIamPermissions POST=targetPools.testIamPermissions
projects/*/regions/*/targetTcpProxies GET=regionTargetTcpProxies.list POST=regionTargetTcpProxies.insert
projects/*/regions/*/targetTcpProxies/* DELETE=regionTargetTcpProxies.delete GET=regionTargetTcpProxies.get
projects/*/regions/*/targetTcpProxies/*/testIamPermissions POST=regionTargetTcpProxies.testIamPermissions
projects/*/regions/*/targetVpnGateways GET=targetVpnGateways.list POST=targetVpnGateways.insert
projects/*/regions/*/targetVpnGateways/* DELETE=targetVpnGateways.delete GET=targetVpnGateways.get
projects/*/regions/*/targetVpnGateways/*/setLabels POST=targetVpnGateways.setLabels
projects/*/regions/*/targetVpnGateways/*/testIamPermissions POST=targetVpnGateways.testIamPermissions
projects/*/regions/*/urlMaps GET=regionUrlMaps.list POST=regionUrlMaps.insert
projects/*/regions/*/urlMaps/* DELETE=regionUrlMaps.delete GET=regionUrlMaps.get PATCH=regionUrlMaps.patch PUT=regionUrlMaps.update
projects/*/regions/*/urlMaps/*/invalidateCache POST=regionUrlMaps.invalidateCache
projects/*/regions/*/urlMaps/*/testIamPermissions POST=regionUrlMaps.testIamPermissions
projects/*/regions/*/urlMaps/*/validate POST=regionUrlMaps.validate
projects/*/regions/*/vpnGateways GET=vpnGateways.list POST=vpnGateways.insert
projects/*/regions/*/vpnGateways/* DELETE=vpnGateways.delete GET=vpnGateways.get
projects/*/regions/*/vpnGateways/*/getStatus GET=vpnGateways.getStatus
projects/*/regions/*/vpnGateways/*/setLabels POST=vpnGateways.setLabels
projects/*/regions/*/vpnGateways/*/testIamPermissions POST=vpnGateways.testIamPermissions
projects/*/regions/*/vpnTunnels GET=vpnTunnels.list POST=vpnTunnels.insert
projects/*/regions/*/vpnTunnels/* DELETE=vpnTunnels.delete GET=vpnTunnels.get
projects/*/regions/*/vpnTunnels/*/setLabels POST=vpnTunnels.setLabels
projects/*/regions/*/vpnTunnels/*/testIamPermissions POST=vpnTunnels.testIamPermissions
projects/*/regions/*/zones GET=regionZones.list
projects/*/setCloudArmorTier POST=projects.setCloudArmorTier
projects/*/setCommonInstanceMetadata POST=projects.setCommonInstanceMetadata
projects/*/setDefaultNetworkTier POST=projects.setDefaultNetworkTier
projects/*/setManagedProtectionTier POST=projects.setManagedProtectionTier
projects/*/setUsageExportBucket POST=projects.setUsageExportBucket
projects/*/targetHttpProxies/*/setUrlMap POST=targetHttpProxies.setUrlMap
projects/*/targetHttpsProxies/*/setSslCertificates POST=targetHttpsProxies.setSslCertificates
projects/*/targetHttpsProxies/*/setUrlMap POST=targetHttpsProxies.setUrlMap
projects/*/zones GET=zones.list
projects/*/zones/* GET=zones.get
projects/*/zones/*/*/hosts GET=hosts.list
projects/*/zones/*/*/hosts/* GET=hosts.get
projects/*/zones/*/*/hosts/*/getVersion POST=hosts.getVersion
projects/*/zones/*/acceleratorTypes GET=acceleratorTypes.list
projects/*/zones/*/acceleratorTypes/* GET=acceleratorTypes.get
projects/*/zones/*/autoscalers GET=autoscalers.list PATCH=autoscalers.patch POST=autoscalers.insert PUT=autoscalers.update
projects/*/zones/*/autoscalers/* DELETE=autoscalers.delete GET=autoscalers.get
projects/*/zones/*/autoscalers/*/testIamPermissions POST=autoscalers.testIamPermissions
projects/*/zones/*/diskSettings GET=diskSettings.get PATCH=diskSettings.patch
projects/*/zones/*/diskTypes GET=diskTypes.list
projects/*/zones/*/diskTypes/* GET=diskTypes.get
projects/*/zones/*/disks GET=disks.list POST=disks.insert
projects/*/zones/*/disks/* DELETE=disks.delete GET=disks.get PATCH=disks.update
projects/*/zones/*/disks/*/addResourcePolicies POST=disks.addResourcePolicies
projects/*/zones/*/disks/*/createSnapshot POST=disks.createSnapshot
projects/*/zones/*/disks/*/getIamPolicy GET=disks.getIamPolicy
projects/*/zones/*/disks/*/removeResourcePolicies POST=disks.removeResourcePolicies
projects/*/zones/*/disks/*/resize POST=disks.resize
projects/*/zones/*/disks/*/setIamPolicy POST=disks.setIamPolicy
projects/*/zones/*/disks/*/setLabels POST=disks.setLabels
projects/*/zones/*/disks/*/startAsyncReplication POST=disks.startAsyncReplication
projects/*/zones/*/disks/*/stopAsyncReplication POST=disks.stopAsyncReplication
projects/*/zones/*/disks/*/testIamPermissions POST=disks.testIamPermissions
projects/*/zones/*/disks/*/updateKmsKey POST=disks.updateKmsKey
projects/*/zones/*/disks/bulkInsert POST=disks.bulkInsert
projects/*/zones/*/disks/bulkSetLabels POST=disks.bulkSetLabels
projects/*/zones/*/disks/stopGroupAsyncReplication POST=disks.stopGroupAsyncReplication
projects/*/zones/*/futureReservations GET=futureReservations.list POST=futureReservations.insert
projects/*/zones/*/futureReservations/* DELETE=futureReservations.delete GET=futureReservations.get PATCH=futureReservations.update
projects/*/zones/*/futureReservations/*/cancel POST=futureReservations.cancel
projects/*/zones/*/imageFamilyViews/* GET=imageFamilyViews.get
projects/*/zones/*/instanceGroupManagers GET=instanceGroupManagers.list POST=instanceGroupManagers.insert
projects/*/zones/*/instanceGroupManagers/* DELETE=instanceGroupManagers.delete GET=instanceGroupManagers.get PATCH=instanceGroupManagers.patch PUT=instanceGroupManagers.update
projects/*/zones/*/instanceGroupManagers/*/abandonInstances POST=instanceGroupManagers.abandonInstances
projects/*/zones/*/instanceGroupManagers/*/applyUpdatesToInstances POST=instanceGroupManagers.applyUpdatesToInstances
projects/*/zones/*/instanceGroupManagers/*/configureAcceleratorTopologies POST=instanceGroupManagers.configureAcceleratorTopologies
projects/*/zones/*/instanceGroupManagers/*/createInstances POST=instanceGroupManagers.createInstances
projects/*/zones/*/instanceGroupManagers/*/deleteInstances POST=instanceGroupManagers.deleteInstances
projects/*/zones/*/instanceGroupManagers/*/deletePerInstanceConfigs POST=instanceGroupManagers.deletePerInstanceConfigs
projects/*/zones/*/instanceGroupManagers/*/getAvailableAcceleratorTopologies GET=instanceGroupManagers.getAvailableAcceleratorTopologies
projects/*/zones/*/instanceGroupManagers/*/listErrors GET=instanceGroupManagers.listErrors
projects/*/zones/*/instanceGroupManagers/*/listManagedInstances POST=instanceGroupManagers.listManagedInstances
projects/*/zones/*/instanceGroupManagers/*/listPerInstanceConfigs POST=instanceGroupManagers.listPerInstanceConfigs
projects/*/zones/*/instanceGroupManagers/*/patchPerInstanceConfigs POST=instanceGroupManagers.patchPerInstanceConfigs
projects/*/zones/*/instanceGroupManagers/*/recreateInstances POST=instanceGroupManagers.recreateInstances
projects/*/zones/*/instanceGroupManagers/*/resize POST=instanceGroupManagers.resize
projects/*/zones/*/instanceGroupManagers/*/resizeAdvanced POST=instanceGroupManagers.resizeAdvanced
projects/*/zones/*/instanceGroupManagers/*/resizeRequests GET=instanceGroupManagerResizeRequests.list POST=instanceGroupManagerResizeRequests.insert
projects/*/zones/*/instanceGroupManagers/*/resizeRequests/* DELETE=instanceGroupManagerResizeRequests.delete GET=instanceGroupManagerResizeRequests.get
projects/*/zones/*/instanceGroupManagers/*/resizeRequests/*/cancel POST=instanceGroupManagerResizeRequests.cancel
projects/*/zones/*/instanceGroupManagers/*/resumeInstances POST=instanceGroupManagers.resumeInstances
projects/*/zones/*/instanceGroupManagers/*/setAutoHealingPolicies POST=instanceGroupManagers.setAutoHealingPolicies
projects/*/zones/*/instanceGroupManagers/*/setInstanceTemplate POST=instanceGroupManagers.setInstanceTemplate
projects/*/zones/*/instanceGroupManagers/*/setTargetPools POST=instanceGroupManagers.setTargetPools
projects/*/zones/*/instanceGroupManagers/*/startInstances POST=instanceGroupManagers.startInstances
projects/*/zones/*/instanceGroupManagers/*/stopInstances POST=instanceGroupManagers.stopInstances
projects/*/zones/*/instanceGroupManagers/*/suspendInstances POST=instanceGroupManagers.suspendInstances
projects/*/zones/*/instanceGroupManagers/*/testIamPermissions POST=instanceGroupManagers.testIamPermissions
projects/*/zones/*/instanceGroupManagers/*/updatePerInstanceConfigs POST=instanceGroupManagers.updatePerInstanceConfigs
projects/*/zones/*/instanceGroups GET=instanceGroups.list POST=instanceGroups.insert
projects/*/zones/*/instanceGroups/* DELETE=instanceGroups.delete GET=instanceGroups.get
projects/*/zones/*/instanceGroups/*/addInstances POST=instanceGroups.addInstances
projects/*/zones/*/instanceGroups/*/listInstances POST=instanceGroups.listInstances
projects/*/zones/*/instanceGroups/*/removeInstances POST=instanceGroups.removeInstances
projects/*/zones/*/instanceGroups/*/setNamedPorts POST=instanceGroups.setNamedPorts
projects/*/zones/*/instanceGroups/*/testIamPermissions POST=instanceGroups.testIamPermissions
projects/*/zones/*/instanceSettings GET=instanceSettings.get PATCH=instanceSettings.patch
projects/*/zones/*/instances GET=instances.list POST=instances.insert
projects/*/zones/*/instances/* DELETE=instances.delete GET=instances.get PUT=instances.update
projects/*/zones/*/instances/*/addAccessConfig POST=instances.addAccessConfig
projects/*/zones/*/instances/*/addNetworkInterface POST=instances.addNetworkInterface
projects/*/zones/*/instances/*/addResourcePolicies POST=instances.addResourcePolicies
projects/*/zones/*/instances/*/attachDisk POST=instances.attachDisk
projects/*/zones/*/instances/*/deleteAccessConfig POST=instances.deleteAccessConfig
projects/*/zones/*/instances/*/deleteNetworkInterface POST=instances.deleteNetworkInterface
projects/*/zones/*/instances/*/detachDisk POST=instances.detachDisk
projects/*/zones/*/instances/*/getEffectiveFirewalls GET=instances.getEffectiveFirewalls
projects/*/zones/*/instances/*/getGuestAttributes GET=instances.getGuestAttributes
projects/*/zones/*/instances/*/getIamPolicy GET=instances.getIamPolicy
projects/*/zones/*/instances/*/getPartnerMetadata GET=instances.getPartnerMetadata
projects/*/zones/*/instances/*/getShieldedInstanceIdentity GET=instances.getShieldedInstanceIdentity
projects/*/zones/*/instances/*/getShieldedVmIdentity GET=instances.getShieldedVmIdentity
projects/*/zones/*/instances/*/patchPartnerMetadata POST=instances.patchPartnerMetadata
projects/*/zones/*/instances/*/performMaintenance POST=instances.performMaintenance
projects/*/zones/*/instances/*/referrers GET=instances.listReferrers
projects/*/zones/*/instances/*/removeResourcePolicies POST=instances.removeResourcePolicies
projects/*/zones/*/instances/*/reportHostAsFaulty POST=instances.reportHostAsFaulty
projects/*/zones/*/instances/*/reset POST=instances.reset
projects/*/zones/*/instances/*/resume POST=instances.resume
projects/*/zones/*/instances/*/screenshot GET=instances.getScreenshot
projects/*/zones/*/instances/*/sendDiagnosticInterrupt POST=instances.sendDiagnosticInterrupt
projects/*/zones/*/instances/*/serialPort GET=instances.getSerialPortOutput
projects/*/zones/*/instances/*/setDeletionProtection POST=instances.setDeletionProtection
projects/*/zones/*/instances/*/setDiskAutoDelete POST=instances.setDiskAutoDelete
projects/*/zones/*/instances/*/setIamPolicy POST=instances.setIamPolicy
projects/*/zones/*/instances/*/setLabels POST=instances.setLabels
projects/*/zones/*/instances/*/setMachineResources POST=instances.setMachineResources
projects/*/zones/*/instances/*/setMachineType POST=instances.setMachineType
projects/*/zones/*/instances/*/setMetadata POST=instances.setMetadata
projects/*/zones/*/instances/*/setMinCpuPlatform POST=instances.setMinCpuPlatform
projects/*/zones/*/instances/*/setName POST=instances.setName
projects/*/zones/*/instances/*/setScheduling POST=instances.setScheduling
projects/*/zones/*/instances/*/setSecurityPolicy POST=instances.setSecurityPolicy
projects/*/zones/*/instances/*/setServiceAccount POST=instances.setServiceAccount
projects/*/zones/*/instances/*/setShieldedInstanceIntegrityPolicy PATCH=instances.setShieldedInstanceIntegrityPolicy
projects/*/zones/*/instances/*/setShieldedVmIntegrityPolicy PATCH=instances.setShieldedVmIntegrityPolicy
projects/*/zones/*/instances/*/setTags POST=instances.setTags
projects/*/zones/*/instances/*/simulateMaintenanceEvent POST=instances.simulateMaintenanceEvent
projects/*/zones/*/instances/*/start POST=instances.start
projects/*/zones/*/instances/*/startWithEncryptionKey POST=instances.startWithEncryptionKey
projects/*/zones/*/instances/*/stop POST=instances.stop
projects/*/zones/*/instances/*/suspend POST=instances.suspend
projects/*/zones/*/instances/*/testIamPermissions POST=instances.testIamPermissions
projects/*/zones/*/instances/*/updateAccessConfig POST=instances.updateAccessConfig
projects/*/zones/*/instances/*/updateDisplayDevice PATCH=instances.updateDisplayDevice
projects/*/zones/*/instances/*/updateNetworkInterface PATCH=instances.updateNetworkInterface
projects/*/zones/*/instances/*/updateShieldedInstanceConfig PATCH=instances.updateShieldedInstanceConfig
projects/*/zones/*/instances/*/updateShieldedVmConfig PATCH=instances.updateShieldedVmConfig
projects/*/zones/*/instances/*/vmExtensionStates GET=instances.listVmExtensionStates
projects/*/zones/*/instances/*/vmExtensionStates/* GET=instances.getVmExtensionState
projects/*/zones/*/instances/bulkInsert POST=instances.bulkInsert
projects/*/zones/*/instantSnapshotGroups GET=instantSnapshotGroups.list POST=instantSnapshotGroups.insert
projects/*/zones/*/instantSnapshotGroups/* DELETE=instantSnapshotGroups.delete GET=instantSnapshotGroups.get
projects/*/zones/*/instantSnapshotGroups/*/getIamPolicy GET=instantSnapshotGroups.getIamPolicy
projects/*/zones/*/instantSnapshotGroups/*/setIamPolicy POST=instantSnapshotGroups.setIamPolicy
projects/*/zones/*/instantSnapshotGroups/*/testIamPermissions POST=instantSnapshotGroups.testIamPermissions
projects/*/zones/*/instantSnapshots GET=instantSnapshots.list POST=instantSnapshots.insert
projects/*/zones/*/instantSnapshots/* DELETE=instantSnapshots.delete GET=instantSnapshots.get
projects/*/zones/*/instantSnapshots/*/getIamPolicy GET=instantSnapshots.getIamPolicy
projects/*/zones/*/instantSnapshots/*/setIamPolicy POST=instantSnapshots.setIamPolicy
projects/*/zones/*/instantSnapshots/*/setLabels POST=instantSnapshots.setLabels
projects/*/zones/*/instantSnapshots/*/testIamPermissions POST=instantSnapshots.testIamPermissions
projects/*/zones/*/machineTypes GET=machineTypes.list
projects/*/zones/*/machineTypes/* GET=machineTypes.get
projects/*/zones/*/networkEndpointGroups GET=networkEndpointGroups.list POST=networkEndpointGroups.insert
projects/*/zones/*/networkEndpointGroups/* DELETE=networkEndpointGroups.delete GET=networkEndpointGroups.get
projects/*/zones/*/networkEndpointGroups/*/attachNetworkEndpoints POST=networkEndpointGroups.attachNetworkEndpoints
projects/*/zones/*/networkEndpointGroups/*/detachNetworkEndpoints POST=networkEndpointGroups.detachNetworkEndpoints
projects/*/zones/*/networkEndpointGroups/*/listNetworkEndpoints POST=networkEndpointGroups.listNetworkEndpoints
projects/*/zones/*/networkEndpointGroups/*/testIamPermissions POST=networkEndpointGroups.testIamPermissions
projects/*/zones/*/nodeGroups GET=nodeGroups.list POST=nodeGroups.insert
projects/*/zones/*/nodeGroups/* DELETE=nodeGroups.delete GET=nodeGroups.get PATCH=nodeGroups.patch
projects/*/zones/*/nodeGroups/*/addNodes POST=nodeGroups.addNodes
projects/*/zones/*/nodeGroups/*/deleteNodes POST=nodeGroups.deleteNodes
projects/*/zones/*/nodeGroups/*/getIamPolicy GET=nodeGroups.getIamPolicy
projects/*/zones/*/nodeGroups/*/listNodes POST=nodeGroups.listNodes
projects/*/zones/*/nodeGroups/*/performMaintenance POST=nodeGroups.performMaintenance
projects/*/zones/*/nodeGroups/*/setIamPolicy POST=nodeGroups.setIamPolicy
projects/*/zones/*/nodeGroups/*/setNodeTemplate POST=nodeGroups.setNodeTemplate
projects/*/zones/*/nodeGroups/*/simulateMaintenanceEvent POST=nodeGroups.simulateMaintenanceEvent
projects/*/zones/*/nodeGroups/*/testIamPermissions POST=nodeGroups.testIamPermissions
projects/*/zones/*/nodeTypes GET=nodeTypes.list
projects/*/zones/*/nodeTypes/* GET=nodeTypes.get
projects/*/zones/*/operations GET=zoneOperations.list
projects/*/zones/*/operations/* DELETE=zoneOperations.delete GET=zoneOperations.get
projects/*/zones/*/operations/*/wait POST=zoneOperations.wait
projects/*/zones/*/reservations GET=reservations.list POST=reservations.insert
projects/*/zones/*/reservations/* DELETE=reservations.delete GET=reservations.get PATCH=reservations.update
projects/*/zones/*/reservations/*/getIamPolicy GET=reservations.getIamPolicy
projects/*/zones/*/reservations/*/performMaintenance POST=reservations.performMaintenance
projects/*/zones/*/reservations/*/reservationBlocks GET=reservationBlocks.list
projects/*/zones/*/reservations/*/reservationBlocks/* GET=reservationBlocks.get
projects/*/zones/*/reservations/*/reservationBlocks/*/getIamPolicy GET=reservationBlocks.getIamPolicy
projects/*/zones/*/reservations/*/reservationBlocks/*/performMaintenance POST=reservationBlocks.performMaintenance
projects/*/zones/*/reservations/*/reservationBlocks/*/reservationSubBlocks GET=reservationSubBlocks.list
projects/*/zones/*/reservations/*/reservationBlocks/*/reservationSubBlocks/* GET=reservationSubBlocks.get
projects/*/zones/*/reservations/*/reservationBlocks/*/reservationSubBlocks/*/getIamPolicy GET=reservationSubBlocks.getIamPolicy
projects/*/zones/*/reservations/*/reservationBlocks/*/reservationSubBlocks/*/getVersion POST=reservationSubBlocks.getVersion
projects/*/zones/*/reservations/*/reservationBlocks/*/reservationSubBlocks/*/performMaintenance POST=reservationSubBlocks.performMaintenance
projects/*/zones/*/reservations/*/reservationBlocks/*/reservationSubBlocks/*/reportFaulty POST=reservationSubBlocks.reportFaulty
projects/*/zones/*/reservations/*/reservationBlocks/*/reservationSubBlocks/*/reservationSlots GET=reservationSlots.list
projects/*/zones/*/reservations/*/reservationBlocks/*/reservationSubBlocks/*/reservationSlots/* GET=reservationSlots.get POST=reservationSlots.update
projects/*/zones/*/reservations/*/reservationBlocks/*/reservationSubBlocks/*/reservationSlots/*/getHealth POST=reservationSlots.getHealth
projects/*/zones/*/reservations/*/reservationBlocks/*/reservationSubBlocks/*/reservationSlots/*/getVersion POST=reservationSlots.getVersion
projects/*/zones/*/reservations/*/reservationBlocks/*/reservationSubBlocks/*/setIamPolicy POST=reservationSubBlocks.setIamPolicy
projects/*/zones/*/reservations/*/reservationBlocks/*/reservationSubBlocks/*/testIamPermissions POST=reservationSubBlocks.testIamPermissions
projects/*/zones/*/reservations/*/reservationBlocks/*/setIamPolicy POST=reservationBlocks.setIamPolicy
projects/*/zones/*/reservations/*/reservationBlocks/*/testIamPermissions POST=reservationBlocks.testIamPermissions
projects/*/zones/*/reservations/*/resize POST=reservations.resize
projects/*/zones/*/reservations/*/setIamPolicy POST=reservations.setIamPolicy
projects/*/zones/*/reservations/*/testIamPermissions POST=reservations.testIamPermissions
projects/*/zones/*/storagePoolTypes GET=storagePoolTypes.list
projects/*/zones/*/storagePoolTypes/* GET=storagePoolTypes.get
projects/*/zones/*/storagePools GET=storagePools.list POST=storagePools.insert
projects/*/zones/*/storagePools/* DELETE=storagePools.delete GET=storagePools.get PATCH=storagePools.update
projects/*/zones/*/storagePools/*/getIamPolicy GET=storagePools.getIamPolicy
projects/*/zones/*/storagePools/*/listDisks GET=storagePools.listDisks
projects/*/zones/*/storagePools/*/setIamPolicy POST=storagePools.setIamPolicy
projects/*/zones/*/storagePools/*/testIamPermissions POST=storagePools.testIamPermissions
projects/*/zones/*/targetInstances GET=targetInstances.list POST=targetInstances.insert
projects/*/zones/*/targetInstances/* DELETE=targetInstances.delete GET=targetInstances.get
projects/*/zones/*/targetInstances/*/setSecurityPolicy POST=targetInstances.setSecurityPolicy
projects/*/zones/*/targetInstances/*/testIamPermissions POST=targetInstances.testIamPermissions
projects/*/zones/*/vmExtensionPolicies GET=zoneVmExtensionPolicies.list POST=zoneVmExtensionPolicies.insert
projects/*/zones/*/vmExtensionPolicies/* DELETE=zoneVmExtensionPolicies.delete GET=zoneVmExtensionPolicies.get PATCH=zoneVmExtensionPolicies.update
# container container
projects/*/aggregated/usableSubnetworks GET=projects.aggregated.usableSubnetworks.list
projects/*/locations/*/clusters GET=projects.locations.clusters.list POST=projects.locations.clusters.create
projects/*/locations/*/clusters/* DELETE=projects.locations.clusters.delete GET=projects.locations.clusters.get PUT=projects.locations.clusters.update
projects/*/locations/*/clusters/*/.well-known/openid-configuration GET=projects.locations.clusters.well-known.getOpenid-configuration
projects/*/locations/*/clusters/*/jwks GET=projects.locations.clusters.getJwks
projects/*/locations/*/clusters/*/nodePools GET=projects.locations.clusters.nodePools.list POST=projects.locations.clusters.nodePools.create
projects/*/locations/*/clusters/*/nodePools/* DELETE=projects.locations.clusters.nodePools.delete GET=projects.locations.clusters.nodePools.get PUT=projects.locations.clusters.nodePools.update
projects/*/locations/*/clusters/*/nodePools/*:completeUpgrade POST=projects.locations.clusters.nodePools.completeUpgrade
projects/*/locations/*/clusters/*/nodePools/*:fetchNodePoolUpgradeInfo GET=projects.locations.clusters.nodePools.fetchNodePoolUpgradeInfo
projects/*/locations/*/clusters/*/nodePools/*:rollback POST=projects.locations.clusters.nodePools.rollback
projects/*/locations/*/clusters/*/nodePools/*:setAutoscaling POST=projects.locations.clusters.nodePools.setAutoscaling
projects/*/locations/*/clusters/*/nodePools/*:setManagement POST=projects.locations.clusters.nodePools.setManagement
projects/*/locations/*/clusters/*/nodePools/*:setSize POST=projects.locations.clusters.nodePools.setSize
projects/*/locations/*/clusters/*:checkAutopilotCompatibility GET=projects.locations.clusters.checkAutopilotCompatibility
projects/*/locations/*/clusters/*:completeControlPlaneUpgrade POST=projects.locations.clusters.completeControlPlaneUpgrade
projects/*/locations/*/clusters/*:completeIpRotation POST=projects.locations.clusters.completeIpRotation
projects/*/locations/*/clusters/*:fetchClusterUpgradeInfo GET=projects.locations.clusters.fetchClusterUpgradeInfo
projects/*/locations/*/clusters/*:setAddons POST=projects.locations.clusters.setAddons
projects/*/locations/*/clusters/*:setLegacyAbac POST=projects.locations.clusters.setLegacyAbac
projects/*/locations/*/clusters/*:setLocations POST=projects.locations.clusters.setLocations
projects/*/locations/*/clusters/*:setLogging POST=projects.locations.clusters.setLogging
projects/*/locations/*/clusters/*:setMaintenancePolicy POST=projects.locations.clusters.setMaintenancePolicy
projects/*/locations/*/clusters/*:setMasterAuth POST=projects.locations.clusters.setMasterAuth
projects/*/locations/*/clusters/*:setMonitoring POST=projects.locations.clusters.setMonitoring
projects/*/locations/*/clusters/*:setNetworkPolicy POST=projects.locations.clusters.setNetworkPolicy
projects/*/locations/*/clusters/*:setResourceLabels POST=projects.locations.clusters.setResourceLabels
projects/*/locations/*/clusters/*:startIpRotation POST=projects.locations.clusters.startIpRotation
projects/*/locations/*/clusters/*:updateMaster POST=projects.locations.clusters.updateMaster
projects/*/locations/*/operations GET=projects.locations.operations.list
projects/*/locations/*/operations/* GET=projects.locations.operations.get
projects/*/locations/*/operations/*:cancel POST=projects.locations.operations.cancel
projects/*/locations/*/serverConfig GET=projects.locations.getServerConfig
projects/*/zones/*/clusters GET=projects.zones.clusters.list POST=projects.zones.clusters.create
projects/*/zones/*/clusters/* DELETE=projects.zones.clusters.delete GET=projects.zones.clusters.get PUT=projects.zones.clusters.update
projects/*/zones/*/clusters/*/addons POST=projects.zones.clusters.addons
projects/*/zones/*/clusters/*/legacyAbac POST=projects.zones.clusters.legacyAbac
projects/*/zones/*/clusters/*/locations POST=projects.zones.clusters.locations
projects/*/zones/*/clusters/*/logging POST=projects.zones.clusters.logging
projects/*/zones/*/clusters/*/master POST=projects.zones.clusters.master
projects/*/zones/*/clusters/*/monitoring POST=projects.zones.clusters.monitoring
projects/*/zones/*/clusters/*/nodePools GET=projects.zones.clusters.nodePools.list POST=projects.zones.clusters.nodePools.create
projects/*/zones/*/clusters/*/nodePools/* DELETE=projects.zones.clusters.nodePools.delete GET=projects.zones.clusters.nodePools.get
projects/*/zones/*/clusters/*/nodePools/*/autoscaling POST=projects.zones.clusters.nodePools.autoscaling
projects/*/zones/*/clusters/*/nodePools/*/setManagement POST=projects.zones.clusters.nodePools.setManagement
projects/*/zones/*/clusters/*/nodePools/*/setSize POST=projects.zones.clusters.nodePools.setSize
projects/*/zones/*/clusters/*/nodePools/*/update POST=projects.zones.clusters.nodePools.update
projects/*/zones/*/clusters/*/nodePools/*:fetchNodePoolUpgradeInfo GET=projects.zones.clusters.nodePools.fetchNodePoolUpgradeInfo
projects/*/zones/*/clusters/*/nodePools/*:rollback POST=projects.zones.clusters.nodePools.rollback
projects/*/zones/*/clusters/*/resourceLabels POST=projects.zones.clusters.resourceLabels
projects/*/zones/*/clusters/*:completeControlPlaneUpgrade POST=projects.zones.clusters.completeControlPlaneUpgrade
projects/*/zones/*/clusters/*:completeIpRotation POST=projects.zones.clusters.completeIpRotation
projects/*/zones/*/clusters/*:fetchClusterUpgradeInfo GET=projects.zones.clusters.fetchClusterUpgradeInfo
projects/*/zones/*/clusters/*:setMaintenancePolicy POST=projects.zones.clusters.setMaintenancePolicy
projects/*/zones/*/clusters/*:setMasterAuth POST=projects.zones.clusters.setMasterAuth
projects/*/zones/*/clusters/*:setNetworkPolicy POST=projects.zones.clusters.setNetworkPolicy
projects/*/zones/*/clusters/*:startIpRotation POST=projects.zones.clusters.startIpRotation
projects/*/zones/*/operations GET=projects.zones.operations.list
projects/*/zones/*/operations/* GET=projects.zones.operations.get
projects/*/zones/*/operations/*:cancel POST=projects.zones.operations.cancel
projects/*/zones/*/serverconfig GET=projects.zones.getServerconfig
# dns dns
projects/* GET=projects.get
projects/*/locations GET=locations.list
projects/*/locations/* GET=locations.get
projects/*/locations/*/operations GET=operations.list
projects/*/locations/*/operations/* DELETE=operations.delete GET=operations.get
projects/*/locations/*/operations/*:cancel POST=operations.cancel
projects/*/locations/*/outboundEndpoints GET=outboundEndpoints.list POST=outboundEndpoints.create
projects/*/locations/*/outboundEndpoints/* DELETE=outboundEndpoints.delete GET=outboundEndpoints.get PATCH=outboundEndpoints.patch
projects/*/managedZones GET=managedZones.list POST=managedZones.create
projects/*/managedZones/* DELETE=managedZones.delete GET=managedZones.get PATCH=managedZones.patch PUT=managedZones.update
projects/*/managedZones/*/changes GET=changes.list POST=changes.create
projects/*/managedZones/*/changes/* GET=changes.get
projects/*/managedZones/*/dnsKeys GET=dnsKeys.list
projects/*/managedZones/*/dnsKeys/* GET=dnsKeys.get
projects/*/managedZones/*/operations GET=managedZoneOperations.list
projects/*/managedZones/*/operations/* GET=managedZoneOperations.get
projects/*/managedZones/*/rrsets GET=resourceRecordSets.list POST=resourceRecordSets.create
projects/*/managedZones/*/rrsets/*/* DELETE=resourceRecordSets.delete GET=resourceRecordSets.get PATCH=resourceRecordSets.patch
projects/*/managedZones/*:getIamPolicy POST=managedZones.getIamPolicy
projects/*/managedZones/*:setIamPolicy POST=managedZones.setIamPolicy
projects/*/managedZones/*:testIamPermissions POST=managedZones.testIamPermissions
projects/*/policies GET=policies.list POST=policies.create
projects/*/policies/* DELETE=policies.delete GET=policies.get PATCH=policies.patch PUT=policies.update
projects/*/responsePolicies GET=responsePolicies.list POST=responsePolicies.create
projects/*/responsePolicies/* DELETE=responsePolicies.delete GET=responsePolicies.get PATCH=responsePolicies.patch PUT=responsePolicies.update
projects/*/responsePolicies/*/rules GET=responsePolicyRules.list POST=responsePolicyRules.create
projects/*/responsePolicies/*/rules/* DELETE=responsePolicyRules.delete GET=responsePolicyRules.get PATCH=responsePolicyRules.patch PUT=responsePolicyRules.update
# firestore firestore
projects/*/databases GET=projects.databases.list POST=projects.databases.create
projects/*/databases/* DELETE=projects.databases.delete GET=projects.databases.get PATCH=projects.databases.patch
projects/*/databases/*/backupSchedules GET=projects.databases.backupSchedules.list POST=projects.databases.backupSchedules.create
projects/*/databases/*/backupSchedules/* DELETE=projects.databases.backupSchedules.delete GET=projects.databases.backupSchedules.get PATCH=projects.databases.backupSchedules.patch
projects/*/databases/*/changeStreams GET=projects.databases.changeStreams.list POST=projects.databases.changeStreams.create
projects/*/databases/*/changeStreams/* DELETE=projects.databases.changeStreams.delete GET=projects.databases.changeStreams.get
projects/*/databases/*/collectionGroups/*/fields GET=projects.databases.collectionGroups.fields.list
projects/*/databases/*/collectionGroups/*/fields/* GET=projects.databases.collectionGroups.fields.get PATCH=projects.databases.collectionGroups.fields.patch
projects/*/databases/*/collectionGroups/*/indexes GET=projects.databases.collectionGroups.indexes.list POST=projects.databases.collectionGroups.indexes.create
projects/*/databases/*/collectionGroups/*/indexes/* DELETE=projects.databases.collectionGroups.indexes.delete GET=projects.databases.collectionGroups.indexes.get
projects/*/databases/*/documents/* GET=projects.databases.documents.listDocuments
projects/*/databases/*/documents/*/* DELETE=projects.databases.documents.delete GET=projects.databases.documents.get PATCH=projects.databases.documents.patch POST=projects.databases.documents.createDocument
projects/*/databases/*/documents/*/*/* GET=projects.databases.documents.list
projects/*/databases/*/documents/*/*:listCollectionIds POST=projects.databases.documents.listCollectionIds
projects/*/databases/*/documents/*/*:partitionQuery POST=projects.databases.documents.partitionQuery
projects/*/databases/*/documents/*/*:runAggregationQuery POST=projects.databases.documents.runAggregationQuery
projects/*/databases/*/documents/*/*:runQuery POST=projects.databases.documents.runQuery
projects/*/databases/*/documents:batchGet POST=projects.databases.documents.batchGet
projects/*/databases/*/documents:batchWrite POST=projects.databases.documents.batchWrite
projects/*/databases/*/documents:beginTransaction POST=projects.databases.documents.beginTransaction
projects/*/databases/*/documents:commit POST=projects.databases.documents.commit
projects/*/databases/*/documents:executePipeline POST=projects.databases.documents.executePipeline
projects/*/databases/*/documents:listen POST=projects.databases.documents.listen
projects/*/databases/*/documents:rollback POST=projects.databases.documents.rollback
projects/*/databases/*/documents:write POST=projects.databases.documents.write
projects/*/databases/*/operations GET=projects.databases.operations.list
projects/*/databases/*/operations/* DELETE=projects.databases.operations.delete GET=projects.databases.operations.get
projects/*/databases/*/operations/*:cancel POST=projects.databases.operations.cancel
projects/*/databases/*/userCreds GET=projects.databases.userCreds.list POST=projects.databases.userCreds.create
projects/*/databases/*/userCreds/* DELETE=projects.databases.userCreds.delete GET=projects.databases.userCreds.get
projects/*/databases/*/userCreds/*:disable POST=projects.databases.userCreds.disable
projects/*/databases/*/userCreds/*:enable POST=projects.databases.userCreds.enable
projects/*/databases/*/userCreds/*:resetPassword POST=projects.databases.userCreds.resetPassword
projects/*/databases/*:bulkDeleteDocuments POST=projects.databases.bulkDeleteDocuments
projects/*/databases/*:exportDocuments POST=projects.databases.exportDocuments
projects/*/databases/*:importDocuments POST=projects.databases.importDocuments
projects/*/databases:clone POST=projects.databases.clone
projects/*/databases:restore POST=projects.databases.restore
projects/*/locations GET=projects.locations.list
projects/*/locations/* GET=projects.locations.get
projects/*/locations/*/backups GET=projects.locations.backups.list
projects/*/locations/*/backups/* DELETE=projects.locations.backups.delete GET=projects.locations.backups.get
# iam iam
iamPolicies:lintPolicy POST=iamPolicies.lintPolicy
iamPolicies:queryAuditableServices POST=iamPolicies.queryAuditableServices
locations/*/workforcePools GET=locations.workforcePools.list POST=locations.workforcePools.create
locations/*/workforcePools/* DELETE=locations.workforcePools.delete GET=locations.workforcePools.get PATCH=locations.workforcePools.patch
locations/*/workforcePools/*/operations/* GET=locations.workforcePools.operations.get
locations/*/workforcePools/*/providers GET=locations.workforcePools.providers.list POST=locations.workforcePools.providers.create
locations/*/workforcePools/*/providers/* DELETE=locations.workforcePools.providers.delete GET=locations.workforcePools.providers.get PATCH=locations.workforcePools.providers.patch
locations/*/workforcePools/*/providers/*/keys GET=locations.workforcePools.providers.keys.list POST=locations.workforcePools.providers.keys.create
locations/*/workforcePools/*/providers/*/keys/* DELETE=locations.workforcePools.providers.keys.delete GET=locations.workforcePools.providers.keys.get
locations/*/workforcePools/*/providers/*/keys/*/operations/* GET=locations.workforcePools.providers.keys.operations.get
locations/*/workforcePools/*/providers/*/keys/*:undelete POST=locations.workforcePools.providers.keys.undelete
locations/*/workforcePools/*/providers/*/operations/* GET=locations.workforcePools.providers.operations.get
locations/*/workforcePools/*/providers/*/scimTenants GET=locations.workforcePools.providers.scimTenants.list POST=locations.workforcePools.providers.scimTenants.create
locations/*/workforcePools/*/providers/*/scimTenants/* DELETE=locations.workforcePools.providers.scimTenants.delete GET=locations.workforcePools.providers.scimTenants.get PATCH=locations.workforcePools.providers.scimTenants.patch
locations/*/workforcePools/*/providers/*/scimTenants/*/tokens GET=locations.workforcePools.providers.scimTenants.tokens.list POST=locations.workforcePools.providers.scimTenants.tokens.create
locations/*/workforcePools/*/providers/*/scimTenants/*/tokens/* DELETE=locations.workforcePools.providers.scimTenants.tokens.delete GET=locations.workforcePools.providers.scimTenants.tokens.get PATCH=locations.workforcePools.providers.scimTenants.tokens.patch
locations/*/workforcePools/*/providers/*/scimTenants/*:getIamPolicy POST=locations.workforcePools.providers.scimTenants.getIamPolicy
locations/*/workforcePools/*/providers/*/scimTenants/*:setIamPolicy POST=locations.workforcePools.providers.scimTenants.setIamPolicy
locations/*/workforcePools/*/providers/*/scimTenants/*:testIamPermissions POST=locations.workforcePools.providers.scimTenants.testIamPermissions
locations/*/workforcePools/*/providers/*/scimTenants/*:undelete POST=locations.workforcePools.providers.scimTenants.undelete
locations/*/workforcePools/*/providers/*:undelete POST=locations.workforcePools.providers.undelete
locations/*/workforcePools/*/subjects/* DELETE=locations.workforcePools.subjects.delete
locations/*/workforcePools/*/subjects/*/operations/* GET=locations.workforcePools.subjects.operations.get
locations/*/workforcePools/*/subjects/*:revokeSessions POST=locations.workforcePools.subjects.revokeSessions
locations/*/workforcePools/*/subjects/*:undelete POST=locations.workforcePools.subjects.undelete
locations/*/workforcePools/*:getIamPolicy POST=locations.workforcePools.getIamPolicy
locations/*/workforcePools/*:setIamPolicy POST=locations.workforcePools.setIamPolicy
locations/*/workforcePools/*:testIamPermissions POST=locations.workforcePools.testIamPermissions
locations/*/workforcePools/*:undelete POST=locations.workforcePools.undelete
organizations/*/roles GET=organizations.roles.list POST=organizations.roles.create
organizations/*/roles/* DELETE=organizations.roles.delete GET=organizations.roles.get PATCH=organizations.roles.patch
organizations/*/roles/*:undelete POST=organizations.roles.undelete
permissions:queryTestablePermissions POST=permissions.queryTestablePermissions
policies/*/* GET=policies.listPolicies POST=policies.createPolicy
policies/*/*/* DELETE=policies.delete GET=policies.get PUT=policies.update
policies/*/*/*/operations/* GET=policies.operations.get
projects/*/locations/*/oauthClients GET=projects.locations.oauthClients.list POST=projects.locations.oauthClients.create
projects/*/locations/*/oauthClients/* DELETE=projects.locations.oauthClients.delete GET=projects.locations.oauthClients.get PATCH=projects.locations.oauthClients.patch
projects/*/locations/*/oauthClients/*/credentials GET=projects.locations.oauthClients.credentials.list POST=projects.locations.oauthClients.credentials.create
projects/*/locations/*/oauthClients/*/credentials/* DELETE=projects.locations.oauthClients.credentials.delete GET=projects.locations.oauthClients.credentials.get PATCH=projects.locations.oauthClients.credentials.patch
projects/*/locations/*/oauthClients/*:undelete POST=projects.locations.oauthClients.undelete
projects/*/locations/*/workloadIdentityPools GET=projects.locations.workloadIdentityPools.list POST=projects.locations.workloadIdentityPools.create
projects/*/locations/*/workloadIdentityPools/* DELETE=projects.locations.workloadIdentityPools.delete GET=projects.locations.workloadIdentityPools.get PATCH=projects.locations.workloadIdentityPools.patch
projects/*/locations/*/workloadIdentityPools/*/namespaces GET=projects.locations.workloadIdentityPools.namespaces.list POST=projects.locations.workloadIdentityPools.namespaces.create
projects/*/locations/*/workloadIdentityPools/*/namespaces/* DELETE=projects.locations.workloadIdentityPools.namespaces.delete GET=projects.locations.workloadIdentityPools.namespaces.get PATCH=projects.locations.workloadIdentityPools.namespaces.patch
projects/*/locations/*/workloadIdentityPools/*/namespaces/*/managedIdentities GET=projects.locations.workloadIdentityPools.namespaces.managedIdentities.list POST=projects.locations.workloadIdentityPools.namespaces.managedIdentities.create
projects/*/locations/*/workloadIdentityPools/*/namespaces/*/managedIdentities/* DELETE=projects.locations.workloadIdentityPools.namespaces.managedIdentities.delete GET=projects.locations.workloadIdentityPools.namespaces.managedIdentities.get PATCH=projects.locations.workloadIdentityPools.namespaces.managedIdentities.patch
projects/*/locations/*/workloadIdentityPools/*/namespaces/*/managedIdentities/*/operations/* GET=projects.locations.workloadIdentityPools.namespaces.managedIdentities.operations.get
projects/*/locations/*/workloadIdentityPools/*/namespaces/*/managedIdentities/*/workloadSources/*/operations/* GET=projects.locations.workloadIdentityPools.namespaces.managedIdentities.workloadSources.operations.get
projects/*/locations/*/workloadIdentityPools/*/namespaces/*/managedIdentities/*:addAttestationRule POST=projects.locations.workloadIdentityPools.namespaces.managedIdentities.addAttestationRule
projects/*/locations/*/workloadIdentityPools/*/namespaces/*/managedIdentities/*:listAttestationRules GET=projects.locations.workloadIdentityPools.namespaces.managedIdentities.listAttestationRules
projects/*/locations/*/workloadIdentityPools/*/namespaces/*/managedIdentities/*:removeAttestationRule POST=projects.locations.workloadIdentityPools.namespaces.managedIdentities.removeAttestationRule
projects/*/locations/*/workloadIdentityPools/*/namespaces/*/managedIdentities/*:setAttestationRules POST=projects.locations.workloadIdentityPools.namespaces.managedIdentities.setAttestationRules
projects/*/locations/*/workloadIdentityPools/*/namespaces/*/managedIdentities/*:undelete POST=projects.locations.workloadIdentityPools.namespaces.managedIdentities.undelete
projects/*/locations/*/workloadIdentityPools/*/namespaces/*/operations/* GET=projects.locations.workloadIdentityPools.namespaces.operations.get
projects/*/locations/*/workloadIdentityPools/*/namespaces/*:undelete POST=projects.locations.workloadIdentityPools.namespaces.undelete
projects/*/locations/*/workloadIdentityPools/*/operations/* GET=projects.locations.workloadIdentityPools.operations.get
projects/*/locations/*/workloadIdentityPools/*/providers GET=projects.locations.workloadIdentityPools.providers.list POST=projects.locations.workloadIdentityPools.providers.create
projects/*/locations/*/workloadIdentityPools/*/providers/* DELETE=projects.locations.workloadIdentityPools.providers.delete GET=projects.locations.workloadIdentityPools.providers.get PATCH=projects.locations.workloadIdentityPools.providers.patch
projects/*/locations/*/workloadIdentityPools/*/providers/*/keys GET=projects.locations.workloadIdentityPools.providers.keys.list POST=projects.locations.workloadIdentityPools.providers.keys.create
projects/*/locations/*/workloadIdentityPools/*/providers/*/keys/* DELETE=projects.locations.workloadIdentityPools.providers.keys.delete GET=projects.locations.workloadIdentityPools.providers.keys.get
projects/*/locations/*/workloadIdentityPools/*/providers/*/keys/*/operations/* GET=projects.locations.workloadIdentityPools.providers.keys.operations.get
projects/*/locations/*/workloadIdentityPools/*/providers/*/keys/*:undelete POST=projects.locations.workloadIdentityPools.providers.keys.undelete
projects/*/locations/*/workloadIdentityPools/*/providers/*/operations/* GET=projects.locations.workloadIdentityPools.providers.operations.get
projects/*/locations/*/workloadIdentityPools/*/providers/*:undelete POST=projects.locations.workloadIdentityPools.providers.undelete
projects/*/locations/*/workloadIdentityPools/*:addAttestationRule POST=projects.locations.workloadIdentityPools.addAttestationRule
projects/*/locations/*/workloadIdentityPools/*:getIamPolicy POST=projects.locations.workloadIdentityPools.getIamPolicy
projects/*/locations/*/workloadIdentityPools/*:listAttestationRules GET=projects.locations.workloadIdentityPools.listAttestationRules
projects/*/locations/*/workloadIdentityPools/*:removeAttestationRule POST=projects.locations.workloadIdentityPools.removeAttestationRule
projects/*/locations/*/workloadIdentityPools/*:setAttestationRules POST=projects.locations.workloadIdentityPools.setAttestationRules
projects/*/locations/*/workloadIdentityPools/*:setIamPolicy POST=projects.locations.workloadIdentityPools.setIamPolicy
projects/*/locations/*/workloadIdentityPools/*:testIamPermissions POST=projects.locations.workloadIdentityPools.testIamPermissions
projects/*/locations/*/workloadIdentityPools/*:undelete POST=projects.locations.workloadIdentityPools.undelete
projects/*/roles GET=projects.roles.list POST=projects.roles.create
projects/*/roles/* DELETE=projects.roles.delete GET=projects.roles.get PATCH=projects.roles.patch
projects/*/roles/*:undelete POST=projects.roles.undelete
projects/*/serviceAccounts GET=projects.serviceAccounts.list POST=projects.serviceAccounts.create
projects/*/serviceAccounts/* DELETE=projects.serviceAccounts.delete GET=projects.serviceAccounts.get PATCH=projects.serviceAccounts.patch PUT=projects.serviceAccounts.update
projects/*/serviceAccounts/*/keys GET=projects.serviceAccounts.keys.list POST=projects.serviceAccounts.keys.create
projects/*/serviceAccounts/*/keys/* DELETE=projects.serviceAccounts.keys.delete GET=projects.serviceAccounts.keys.get
projects/*/serviceAccounts/*/keys/*:disable POST=projects.serviceAccounts.keys.disable
projects/*/serviceAccounts/*/keys/*:enable POST=projects.serviceAccounts.keys.enable
projects/*/serviceAccounts/*/keys:upload POST=projects.serviceAccounts.keys.upload
projects/*/serviceAccounts/*:disable POST=projects.serviceAccounts.disable
projects/*/serviceAccounts/*:enable POST=projects.serviceAccounts.enable
projects/*/serviceAccounts/*:getIamPolicy POST=projects.serviceAccounts.getIamPolicy
projects/*/serviceAccounts/*:setIamPolicy POST=projects.serviceAccounts.setIamPolicy
projects/*/serviceAccounts/*:signBlob POST=projects.serviceAccounts.signBlob
projects/*/serviceAccounts/*:signJwt POST=projects.serviceAccounts.signJwt
projects/*/serviceAccounts/*:testIamPermissions POST=projects.serviceAccounts.testIamPermissions
projects/*/serviceAccounts/*:undelete POST=projects.serviceAccounts.undelete
roles GET=roles.list
roles/* GET=roles.get
roles:queryGrantableRoles POST=roles.queryGrantableRoles
# iamcredentials iamcredentials
locations/*/workforcePools/*/allowedLocations GET=locations.workforcePools.getAllowedLocations
projects/*/locations/*/workloadIdentityPools/*/allowedLocations GET=projects.locations.workloadIdentityPools.getAllowedLocations
projects/*/serviceAccounts/*/allowedLocations GET=projects.serviceAccounts.getAllowedLocations
projects/*/serviceAccounts/*:generateAccessToken POST=projects.serviceAccounts.generateAccessToken
projects/*/serviceAccounts/*:generateIdToken POST=projects.serviceAccounts.generateIdToken
projects/*/serviceAccounts/*:signBlob POST=projects.serviceAccounts.signBlob
projects/*/serviceAccounts/*:signJwt POST=projects.serviceAccounts.signJwt
# logging logging
*/*/cmekSettings GET=getCmekSettings PATCH=updateCmekSettings
*/*/exclusions GET=exclusions.list POST=exclusions.create
*/*/exclusions/* DELETE=exclusions.delete GET=exclusions.get PATCH=exclusions.patch
*/*/locations GET=locations.list
*/*/locations/* GET=locations.get
*/*/locations/*/buckets GET=locations.buckets.list POST=locations.buckets.create
*/*/locations/*/buckets/* DELETE=locations.buckets.delete GET=locations.buckets.get PATCH=locations.buckets.patch
*/*/locations/*/buckets/*/links GET=locations.buckets.links.list POST=locations.buckets.links.create
*/*/locations/*/buckets/*/links/* DELETE=locations.buckets.links.delete GET=locations.buckets.links.get
*/*/locations/*/buckets/*/views GET=locations.buckets.views.list POST=locations.buckets.views.create
*/*/locations/*/buckets/*/views/* DELETE=locations.buckets.views.delete GET=locations.buckets.views.get PATCH=locations.buckets.views.patch
*/*/locations/*/buckets/*/views/*:getIamPolicy POST=locations.buckets.views.getIamPolicy
*/*/locations/*/buckets/*/views/*:setIamPolicy POST=locations.buckets.views.setIamPolicy
*/*/locations/*/buckets/*/views/*:testIamPermissions POST=locations.buckets.views.testIamPermissions
*/*/locations/*/buckets/*:undelete POST=locations.buckets.undelete
*/*/locations/*/buckets/*:updateAsync POST=locations.buckets.updateAsync
*/*/locations/*/buckets:createAsync POST=locations.buckets.createAsync
*/*/locations/*/operations GET=locations.operations.list
*/*/locations/*/operations/* GET=locations.operations.get
*/*/locations/*/operations/*:cancel POST=locations.operations.cancel
*/*/logs GET=logs.list
*/*/logs/* DELETE=logs.delete
*/*/settings GET=getSettings PATCH=updateSettings
*/*/sinks GET=sinks.list POST=sinks.create
*/*/sinks/* DELETE=sinks.delete GET=sinks.get PUT=sinks.update
billingAccounts/*/cmekSettings GET=billingAccounts.getCmekSettings
billingAccounts/*/exclusions GET=billingAccounts.exclusions.list POST=billingAccounts.exclusions.create
billingAccounts/*/exclusions/* DELETE=billingAccounts.exclusions.delete GET=billingAccounts.exclusions.get PATCH=billingAccounts.exclusions.patch
billingAccounts/*/locations GET=billingAccounts.locations.list
billingAccounts/*/locations/* GET=billingAccounts.locations.get
billingAccounts/*/locations/*/buckets GET=billingAccounts.locations.buckets.list POST=billingAccounts.locations.buckets.create
billingAccounts/*/locations/*/buckets/* DELETE=billingAccounts.locations.buckets.delete GET=billingAccounts.locations.buckets.get PATCH=billingAccounts.locations.buckets.patch
billingAccounts/*/locations/*/buckets/*/links GET=billingAccounts.locations.buckets.links.list POST=billingAccounts.locations.buckets.links.create
billingAccounts/*/locations/*/buckets/*/links/* DELETE=billingAccounts.locations.buckets.links.delete GET=billingAccounts.locations.buckets.links.get
billingAccounts/*/locations/*/buckets/*/views GET=billingAccounts.locations.buckets.views.list POST=billingAccounts.locations.buckets.views.create
billingAccounts/*/locations/*/buckets/*/views/* DELETE=billingAccounts.locations.buckets.views.delete GET=billingAccounts.locations.buckets.views.get PATCH=billingAccounts.locations.buckets.views.patch
billingAccounts/*/locations/*/buckets/*/views/*/logs GET=billingAccounts.locations.buckets.views.logs.list
billingAccounts/*/locations/*/buckets/*:undelete POST=billingAccounts.locations.buckets.undelete
billingAccounts/*/locations/*/buckets/*:updateAsync POST=billingAccounts.locations.buckets.updateAsync
billingAccounts/*/locations/*/buckets:createAsync POST=billingAccounts.locations.buckets.createAsync
billingAccounts/*/locations/*/operations GET=billingAccounts.locations.operations.list
billingAccounts/*/locations/*/operations/* GET=billingAccounts.locations.operations.get
billingAccounts/*/locations/*/operations/*:cancel POST=billingAccounts.locations.operations.cancel
billingAccounts/*/locations/*/recentQueries GET=billingAccounts.locations.recentQueries.list
billingAccounts/*/locations/*/savedQueries GET=billingAccounts.locations.savedQueries.list POST=billingAccounts.locations.savedQueries.create
billingAccounts/*/locations/*/savedQueries/* DELETE=billingAccounts.locations.savedQueries.delete GET=billingAccounts.locations.savedQueries.get PATCH=billingAccounts.locations.savedQueries.patch
billingAccounts/*/logs GET=billingAccounts.logs.list
billingAccounts/*/logs/* DELETE=billingAccounts.logs.delete
billingAccounts/*/settings GET=billingAccounts.getSettings
billingAccounts/*/sinks GET=billingAccounts.sinks.list POST=billingAccounts.sinks.create
billingAccounts/*/sinks/* DELETE=billingAccounts.sinks.delete GET=billingAccounts.sinks.get PATCH=billingAccounts.sinks.patch PUT=billingAccounts.sinks.update
entries:copy POST=entries.copy
entries:list POST=entries.list
entries:tail POST=entries.tail
entries:write POST=entries.write
folders/*/cmekSettings GET=folders.getCmekSettings
folders/*/exclusions GET=folders.exclusions.list POST=folders.exclusions.create
folders/*/exclusions/* DELETE=folders.exclusions.delete GET=folders.exclusions.get PATCH=folders.exclusions.patch
folders/*/locations GET=folders.locations.list
folders/*/locations/* GET=folders.locations.get
folders/*/locations/*/buckets GET=folders.locations.buckets.list POST=folders.locations.buckets.create
folders/*/locations/*/buckets/* DELETE=folders.locations.buckets.delete GET=folders.locations.buckets.get PATCH=folders.locations.buckets.patch
folders/*/locations/*/buckets/*/links GET=folders.locations.buckets.links.list POST=folders.locations.buckets.links.create
folders/*/locations/*/buckets/*/links/* DELETE=folders.locations.buckets.links.delete GET=folders.locations.buckets.links.get
folders/*/locations/*/buckets/*/views GET=folders.locations.buckets.views.list POST=folders.locations.buckets.views.create
folders/*/locations/*/buckets/*/views/* DELETE=folders.locations.buckets.views.delete GET=folders.locations.buckets.views.get PATCH=folders.locations.buckets.views.patch
folders/*/locations/*/buckets/*/views/*/logs GET=folders.locations.buckets.views.logs.list
folders/*/locations/*/buckets/*/views/*:getIamPolicy POST=folders.locations.buckets.views.getIamPolicy
folders/*/locations/*/buckets/*/views/*:setIamPolicy POST=folders.locations.buckets.views.setIamPolicy
folders/*/locations/*/buckets/*/views/*:testIamPermissions POST=folders.locations.buckets.views.testIamPermissions
folders/*/locations/*/buckets/*:undelete POST=folders.locations.buckets.undelete
folders/*/locations/*/buckets/*:updateAsync POST=folders.locations.buckets.updateAsync
folders/*/locations/*/buckets:createAsync POST=folders.locations.buckets.createAsync
folders/*/locations/*/logScopes GET=folders.locations.logScopes.list POST=folders.locations.logScopes.create
folders/*/locations/*/logScopes/* DELETE=folders.locations.logScopes.delete GET=folders.locations.logScopes.get PATCH=folders.locations.logScopes.patch
folders/*/locations/*/operations GET=folders.locations.operations.list
folders/*/locations/*/operations/* GET=folders.locations.operations.get
folders/*/locations/*/operations/*:cancel POST=folders.locations.operations.cancel
folders/*/locations/*/recentQueries GET=folders.locations.recentQueries.list
folders/*/locations/*/savedQueries GET=folders.locations.savedQueries.list POST=folders.locations.savedQueries.create
folders/*/locations/*/savedQueries/* DELETE=folders.locations.savedQueries.delete GET=folders.locations.savedQueries.get PATCH=folders.locations.savedQueries.patch
folders/*/logs GET=folders.logs.list
folders/*/logs/* DELETE=folders.logs.delete
folders/*/settings GET=folders.getSettings PATCH=folders.updateSettings
folders/*/sinks GET=folders.sinks.list POST=folders.sinks.create
folders/*/sinks/* DELETE=folders.sinks.delete GET=folders.sinks.get PATCH=folders.sinks.patch PUT=folders.sinks.update
monitoredResourceDescriptors GET=monitoredResourceDescriptors.list
organizations/*/cmekSettings GET=organizations.getCmekSettings PATCH=organizations.updateCmekSettings
organizations/*/exclusions GET=organizations.exclusions.list POST=organizations.exclusions.create
organizations/*/exclusions/* DELETE=organizations.exclusions.delete GET=organizations.exclusions.get PATCH=organizations.exclusions.patch
organizations/*/locations GET=organizations.locations.list
organizations/*/locations/* GET=organizations.locations.get
organizations/*/locations/*/buckets GET=organizations.locations.buckets.list POST=organizations.locations.buckets.create
organizations/*/locations/*/buckets/* DELETE=organizations.locations.buckets.delete GET=organizations.locations.buckets.get PATCH=organizations.locations.buckets.patch
organizations/*/locations/*/buckets/*/links GET=organizations.locations.buckets.links.list POST=organizations.locations.buckets.links.create
organizations/*/locations/*/buckets/*/links/* DELETE=organizations.locations.buckets.links.delete GET=organizations.locations.buckets.links.get
organizations/*/locations/*/buckets/*/views GET=organizations.locations.buckets.views.list POST=organizations.locations.buckets.views.create
organizations/*/locations/*/buckets/*/views/* DELETE=organizations.locations.buckets.views.delete GET=organizations.locations.buckets.views.get PATCH=organizations.locations.buckets.views.patch
organizations/*/locations/*/buckets/*/views/*/logs GET=organizations.locations.buckets.views.logs.list
organizations/*/locations/*/buckets/*/views/*:getIamPolicy POST=organizations.locations.buckets.views.getIamPolicy
organizations/*/locations/*/buckets/*/views/*:setIamPolicy POST=organizations.locations.buckets.views.setIamPolicy
organizations/*/locations/*/buckets/*/views/*:testIamPermissions POST=organizations.locations.buckets.views.testIamPermissions
organizations/*/locations/*/buckets/*:undelete POST=organizations.locations.buckets.undelete
organizations/*/locations/*/buckets/*:updateAsync POST=organizations.locations.buckets.updateAsync
organizations/*/locations/*/buckets:createAsync POST=organizations.locations.buckets.createAsync
organizations/*/locations/*/logScopes GET=organizations.locations.logScopes.list POST=organizations.locations.logScopes.create
organizations/*/locations/*/logScopes/* DELETE=organizations.locations.logScopes.delete GET=organizations.locations.logScopes.get PATCH=organizations.locations.logScopes.patch
organizations/*/locations/*/operations GET=organizations.locations.operations.list
organizations/*/locations/*/operations/* GET=organizations.locations.operations.get
organizations/*/locations/*/operations/*:cancel POST=organizations.locations.operations.cancel
organizations/*/locations/*/recentQueries GET=organizations.locations.recentQueries.list
organizations/*/locations/*/savedQueries GET=organizations.locations.savedQueries.list POST=organizations.locations.savedQueries.create
organizations/*/locations/*/savedQueries/* DELETE=organizations.locations.savedQueries.delete GET=organizations.locations.savedQueries.get PATCH=organizations.locations.savedQueries.patch
organizations/*/logs GET=organizations.logs.list
organizations/*/logs/* DELETE=organizations.logs.delete
organizations/*/settings GET=organizations.getSettings PATCH=organizations.updateSettings
organizations/*/sinks GET=organizations.sinks.list POST=organizations.sinks.create
organizations/*/sinks/* DELETE=organizations.sinks.delete GET=organizations.sinks.get PATCH=organizations.sinks.patch PUT=organizations.sinks.update
projects/*/cmekSettings GET=projects.getCmekSettings
projects/*/exclusions GET=projects.exclusions.list POST=projects.exclusions.create
projects/*/exclusions/* DELETE=projects.exclusions.delete GET=projects.exclusions.get PATCH=projects.exclusions.patch
projects/*/locations GET=projects.locations.list
projects/*/locations/* GET=projects.locations.get
projects/*/locations/*/buckets GET=projects.locations.buckets.list POST=projects.locations.buckets.create
projects/*/locations/*/buckets/* DELETE=projects.locations.buckets.delete GET=projects.locations.buckets.get PATCH=projects.locations.buckets.patch
projects/*/locations/*/buckets/*/links GET=projects.locations.buckets.links.list POST=projects.locations.buckets.links.create
projects/*/locations/*/buckets/*/links/* DELETE=projects.locations.buckets.links.delete GET=projects.locations.buckets.links.get
projects/*/locations/*/buckets/*/views GET=projects.locations.buckets.views.list POST=projects.locations.buckets.views.create
projects/*/locations/*/buckets/*/views/* DELETE=projects.locations.buckets.views.delete GET=projects.locations.buckets.views.get PATCH=projects.locations.buckets.views.patch
projects/*/locations/*/buckets/*/views/*/logs GET=projects.locations.buckets.views.logs.list
projects/*/locations/*/buckets/*/views/*:getIamPolicy POST=projects.locations.buckets.views.getIamPolicy
projects/*/locations/*/buckets/*/views/*:setIamPolicy POST=projects.locations.buckets.views.setIamPolicy
projects/*/locations/*/buckets/*/views/*:testIamPermissions POST=projects.locations.buckets.views.testIamPermissions
projects/*/locations/*/buckets/*:undelete POST=projects.locations.buckets.undelete
projects/*/locations/*/buckets/*:updateAsync POST=projects.locations.buckets.updateAsync
projects/*/locations/*/buckets:createAsync POST=projects.locations.buckets.createAsync
projects/*/locations/*/logScopes GET=projects.locations.logScopes.list POST=projects.locations.logScopes.create
projects/*/locations/*/logScopes/* DELETE=projects.locations.logScopes.delete GET=projects.locations.logScopes.get PATCH=projects.locations.logScopes.patch
projects/*/locations/*/operations GET=projects.locations.operations.list
projects/*/locations/*/operations/* GET=projects.locations.operations.get
projects/*/locations/*/operations/*:cancel POST=projects.locations.operations.cancel
projects/*/locations/*/recentQueries GET=projects.locations.recentQueries.list
projects/*/locations/*/savedQueries GET=projects.locations.savedQueries.list POST=projects.locations.savedQueries.create
projects/*/locations/*/savedQueries/* DELETE=projects.locations.savedQueries.delete GET=projects.locations.savedQueries.get PATCH=projects.locations.savedQueries.patch
projects/*/logs GET=projects.logs.list
projects/*/logs/* DELETE=projects.logs.delete
projects/*/metrics GET=projects.metrics.list POST=projects.metrics.create
projects/*/metrics/* DELETE=projects.metrics.delete GET=projects.metrics.get PUT=projects.metrics.update
projects/*/settings GET=projects.getSettings
projects/*/sinks GET=projects.sinks.list POST=projects.sinks.create
projects/*/sinks/* DELETE=projects.sinks.delete GET=projects.sinks.get PATCH=projects.sinks.patch PUT=projects.sinks.update
# monitoring monitoring
*/*/services GET=services.list POST=services.create
*/*/services/* DELETE=services.delete GET=services.get PATCH=services.patch
*/*/services/*/serviceLevelObjectives GET=services.serviceLevelObjectives.list POST=services.serviceLevelObjectives.create
*/*/services/*/serviceLevelObjectives/* DELETE=services.serviceLevelObjectives.delete GET=services.serviceLevelObjectives.get PATCH=services.serviceLevelObjectives.patch
folders/*/timeSeries GET=folders.timeSeries.list
locations/global/metricsScopes/* GET=locations.global.metricsScopes.get
locations/global/metricsScopes/*/projects POST=locations.global.metricsScopes.projects.create
locations/global/metricsScopes/*/projects/* DELETE=locations.global.metricsScopes.projects.delete
locations/global/metricsScopes:listMetricsScopesByMonitoredProject GET=locations.global.metricsScopes.listMetricsScopesByMonitoredProject
operations/* GET=operations.get
organizations/*/timeSeries GET=organizations.timeSeries.list
projects/*/alertPolicies GET=projects.alertPolicies.list POST=projects.alertPolicies.create
projects/*/alertPolicies/* DELETE=projects.alertPolicies.delete GET=projects.alertPolicies.get PATCH=projects.alertPolicies.patch
projects/*/alerts GET=projects.alerts.list
projects/*/alerts/* GET=projects.alerts.get
projects/*/collectdTimeSeries POST=projects.collectdTimeSeries.create
projects/*/dashboards GET=projects.dashboards.list POST=projects.dashboards.create
projects/*/dashboards/* DELETE=projects.dashboards.delete GET=projects.dashboards.get PATCH=projects.dashboards.patch
projects/*/groups GET=projects.groups.list POST=projects.groups.create
projects/*/groups/* DELETE=projects.groups.delete GET=projects.groups.get PUT=projects.groups.update
projects/*/groups/*/members GET=projects.groups.members.list
projects/*/location/*/prometheus/api/v1/label/*/values GET=projects.location.prometheus.api.v1.label.values
projects/*/location/*/prometheus/api/v1/labels POST=projects.location.prometheus.api.v1.labels
projects/*/location/*/prometheus/api/v1/metadata GET=projects.location.prometheus.api.v1.metadata.list
projects/*/location/*/prometheus/api/v1/query POST=projects.location.prometheus.api.v1.query
projects/*/location/*/prometheus/api/v1/query_exemplars POST=projects.location.prometheus.api.v1.query_exemplars
projects/*/location/*/prometheus/api/v1/query_range POST=projects.location.prometheus.api.v1.query_range
projects/*/location/*/prometheus/api/v1/series POST=projects.location.prometheus.api.v1.series
projects/*/metricDescriptors GET=projects.metricDescriptors.list POST=projects.metricDescriptors.create
projects/*/metricDescriptors/* DELETE=projects.metricDescriptors.delete GET=projects.metricDescriptors.get
projects/*/monitoredResourceDescriptors GET=projects.monitoredResourceDescriptors.list
projects/*/monitoredResourceDescriptors/* GET=projects.monitoredResourceDescriptors.get
projects/*/notificationChannelDescriptors GET=projects.notificationChannelDescriptors.list
projects/*/notificationChannelDescriptors/* GET=projects.notificationChannelDescriptors.get
projects/*/notificationChannels GET=projects.notificationChannels.list POST=projects.notificationChannels.create
projects/*/notificationChannels/* DELETE=projects.notificationChannels.delete GET=projects.notificationChannels.get PATCH=projects.notificationChannels.patch
projects/*/notificationChannels/*:getVerificationCode POST=projects.notificationChannels.getVerificationCode
projects/*/notificationChannels/*:sendVerificationCode POST=projects.notificationChannels.sendVerificationCode
projects/*/notificationChannels/*:verify POST=projects.notificationChannels.verify
projects/*/snoozes GET=projects.snoozes.list POST=projects.snoozes.create
projects/*/snoozes/* GET=projects.snoozes.get PATCH=projects.snoozes.patch
projects/*/timeSeries GET=projects.timeSeries.list POST=projects.timeSeries.create
projects/*/timeSeries:createService POST=projects.timeSeries.createService
projects/*/timeSeries:query POST=projects.timeSeries.query
projects/*/uptimeCheckConfigs GET=projects.uptimeCheckConfigs.list POST=projects.uptimeCheckConfigs.create
projects/*/uptimeCheckConfigs/* DELETE=projects.uptimeCheckConfigs.delete GET=projects.uptimeCheckConfigs.get PATCH=projects.uptimeCheckConfigs.patch
uptimeCheckIps GET=uptimeCheckIps.list
# pubsub pubsub
projects/*/schemas GET=projects.schemas.list POST=projects.schemas.create
projects/*/schemas/* DELETE=projects.schemas.delete GET=projects.schemas.get
projects/*/schemas/*:commit POST=projects.schemas.commit
projects/*/schemas/*:deleteRevision DELETE=projects.schemas.deleteRevision
projects/*/schemas/*:getIamPolicy GET=projects.schemas.getIamPolicy
projects/*/schemas/*:listRevisions GET=projects.schemas.listRevisions
projects/*/schemas/*:rollback POST=projects.schemas.rollback
projects/*/schemas/*:setIamPolicy POST=projects.schemas.setIamPolicy
projects/*/schemas/*:testIamPermissions POST=projects.schemas.testIamPermissions
projects/*/schemas:validate POST=projects.schemas.validate
projects/*/schemas:validateMessage POST=projects.schemas.validateMessage
projects/*/snapshots GET=projects.snapshots.list
projects/*/snapshots/* DELETE=projects.snapshots.delete GET=projects.snapshots.get PATCH=projects.snapshots.patch PUT=projects.snapshots.create
projects/*/snapshots/*:getIamPolicy GET=projects.snapshots.getIamPolicy
projects/*/snapshots/*:setIamPolicy POST=projects.snapshots.setIamPolicy
projects/*/snapshots/*:testIamPermissions POST=projects.snapshots.testIamPermissions
projects/*/subscriptions GET=projects.subscriptions.list
projects/*/subscriptions/* DELETE=projects.subscriptions.delete GET=projects.subscriptions.get PATCH=projects.subscriptions.patch PUT=projects.subscriptions.create
projects/*/subscriptions/*:acknowledge POST=projects.subscriptions.acknowledge
projects/*/subscriptions/*:detach POST=projects.subscriptions.detach
projects/*/subscriptions/*:getIamPolicy GET=projects.subscriptions.getIamPolicy
projects/*/subscriptions/*:modifyAckDeadline POST=projects.subscriptions.modifyAckDeadline
projects/*/subscriptions/*:modifyPushConfig POST=projects.subscriptions.modifyPushConfig
projects/*/subscriptions/*:pull POST=projects.subscriptions.pull
projects/*/subscriptions/*:seek POST=projects.subscriptions.seek
projects/*/subscriptions/*:setIamPolicy POST=projects.subscriptions.setIamPolicy
projects/*/subscriptions/*:testIamPermissions POST=projects.subscriptions.testIamPermissions
projects/*/topics GET=projects.topics.list
projects/*/topics/* DELETE=projects.topics.delete GET=projects.topics.get PATCH=projects.topics.patch PUT=projects.topics.create
projects/*/topics/*/snapshots GET=projects.topics.snapshots.list
projects/*/topics/*/subscriptions GET=projects.topics.subscriptions.list
projects/*/topics/*:getIamPolicy GET=projects.topics.getIamPolicy
projects/*/topics/*:publish POST=projects.topics.publish
projects/*/topics/*:setIamPolicy POST=projects.topics.setIamPolicy
projects/*/topics/*:testIamPermissions POST=projects.topics.testIamPermissions
# redis redis
projects/*/locations GET=projects.locations.list
projects/*/locations/* GET=projects.locations.get
projects/*/locations/*/aclPolicies GET=projects.locations.aclPolicies.list POST=projects.locations.aclPolicies.create
projects/*/locations/*/aclPolicies/* DELETE=projects.locations.aclPolicies.delete GET=projects.locations.aclPolicies.get PATCH=projects.locations.aclPolicies.patch
projects/*/locations/*/aclPolicies/*/revisions GET=projects.locations.aclPolicies.revisions.list
projects/*/locations/*/aclPolicies/*/revisions/* GET=projects.locations.aclPolicies.revisions.get
projects/*/locations/*/backupCollections GET=projects.locations.backupCollections.list
projects/*/locations/*/backupCollections/* GET=projects.locations.backupCollections.get
projects/*/locations/*/backupCollections/*/backups GET=projects.locations.backupCollections.backups.list
projects/*/locations/*/backupCollections/*/backups/* DELETE=projects.locations.backupCollections.backups.delete GET=projects.locations.backupCollections.backups.get
projects/*/locations/*/backupCollections/*/backups/*:export POST=projects.locations.backupCollections.backups.export
projects/*/locations/*/clusters GET=projects.locations.clusters.list POST=projects.locations.clusters.create
projects/*/locations/*/clusters/* DELETE=projects.locations.clusters.delete GET=projects.locations.clusters.get PATCH=projects.locations.clusters.patch
projects/*/locations/*/clusters/*/certificateAuthority GET=projects.locations.clusters.getCertificateAuthority
projects/*/locations/*/clusters/*/tokenAuthUsers GET=projects.locations.clusters.tokenAuthUsers.list
projects/*/locations/*/clusters/*/tokenAuthUsers/* DELETE=projects.locations.clusters.tokenAuthUsers.delete GET=projects.locations.clusters.tokenAuthUsers.get
projects/*/locations/*/clusters/*/tokenAuthUsers/*/authTokens GET=projects.locations.clusters.tokenAuthUsers.authTokens.list
projects/*/locations/*/clusters/*/tokenAuthUsers/*/authTokens/* DELETE=projects.locations.clusters.tokenAuthUsers.authTokens.delete GET=projects.locations.clusters.tokenAuthUsers.authTokens.get
projects/*/locations/*/clusters/*/tokenAuthUsers/*:addAuthToken POST=projects.locations.clusters.tokenAuthUsers.addAuthToken
projects/*/locations/*/clusters/*:addTokenAuthUser POST=projects.locations.clusters.addTokenAuthUser
projects/*/locations/*/clusters/*:backup POST=projects.locations.clusters.backup
projects/*/locations/*/clusters/*:rescheduleClusterMaintenance POST=projects.locations.clusters.rescheduleClusterMaintenance
projects/*/locations/*/instances GET=projects.locations.instances.list POST=projects.locations.instances.create
projects/*/locations/*/instances/* DELETE=projects.locations.instances.delete GET=projects.locations.instances.get PATCH=projects.locations.instances.patch
projects/*/locations/*/instances/*/authString GET=projects.locations.instances.getAuthString
projects/*/locations/*/instances/*:export POST=projects.locations.instances.export
projects/*/locations/*/instances/*:failover POST=projects.locations.instances.failover
projects/*/locations/*/instances/*:import POST=projects.locations.instances.import
projects/*/locations/*/instances/*:rescheduleMaintenance POST=projects.locations.instances.rescheduleMaintenance
projects/*/locations/*/instances/*:upgrade POST=projects.locations.instances.upgrade
projects/*/locations/*/operations GET=projects.locations.operations.list
projects/*/locations/*/operations/* DELETE=projects.locations.operations.delete GET=projects.locations.operations.get
projects/*/locations/*/operations/*:cancel POST=projects.locations.operations.cancel
projects/*/locations/*/sharedRegionalCertificateAuthority GET=projects.locations.getSharedRegionalCertificateAuthority
# run run
namespaces/*/authorizeddomains GET=namespaces.authorizeddomains.list
namespaces/*/configurations GET=namespaces.configurations.list
namespaces/*/configurations/* GET=namespaces.configurations.get
namespaces/*/domainmappings GET=namespaces.domainmappings.list POST=namespaces.domainmappings.create
namespaces/*/domainmappings/* DELETE=namespaces.domainmappings.delete GET=namespaces.domainmappings.get
namespaces/*/executions GET=namespaces.executions.list
namespaces/*/executions/* DELETE=namespaces.executions.delete GET=namespaces.executions.get
namespaces/*/executions/*:cancel POST=namespaces.executions.cancel
namespaces/*/instances GET=namespaces.instances.list POST=namespaces.instances.create
namespaces/*/instances/* DELETE=namespaces.instances.delete GET=namespaces.instances.get PUT=namespaces.instances.replaceInstance
namespaces/*/instances/*:start POST=namespaces.instances.start
namespaces/*/instances/*:stop POST=namespaces.instances.stop
namespaces/*/jobs GET=namespaces.jobs.list POST=namespaces.jobs.create
namespaces/*/jobs/* DELETE=namespaces.jobs.delete GET=namespaces.jobs.get PUT=namespaces.jobs.replaceJob
namespaces/*/jobs/*:run POST=namespaces.jobs.run
namespaces/*/revisions GET=namespaces.revisions.list
namespaces/*/revisions/* DELETE=namespaces.revisions.delete GET=namespaces.revisions.get
namespaces/*/routes GET=namespaces.routes.list
namespaces/*/routes/* GET=namespaces.routes.get
namespaces/*/services GET=namespaces.services.list POST=namespaces.services.create
namespaces/*/services/* DELETE=namespaces.services.delete GET=namespaces.services.get PUT=namespaces.services.replaceService
namespaces/*/tasks GET=namespaces.tasks.list
namespaces/*/tasks/* GET=namespaces.tasks.get
namespaces/*/workerpools GET=namespaces.workerpools.list POST=namespaces.workerpools.create
namespaces/*/workerpools/* DELETE=namespaces.workerpools.delete GET=namespaces.workerpools.get PUT=namespaces.workerpools.replaceWorkerPool
projects/*/authorizeddomains GET=projects.authorizeddomains.list
projects/*/locations GET=projects.locations.list
projects/*/locations/*/*:exportImage POST=projects.locations.exportImage
projects/*/locations/*/*:exportImageMetadata GET=projects.locations.exportImageMetadata
projects/*/locations/*/*:exportMetadata GET=projects.locations.exportMetadata
projects/*/locations/*/authorizeddomains GET=projects.locations.authorizeddomains.list
projects/*/locations/*/builds:submit POST=projects.locations.builds.submit
projects/*/locations/*/configurations GET=projects.locations.configurations.list
projects/*/locations/*/configurations/* GET=projects.locations.configurations.get
projects/*/locations/*/domainmappings GET=projects.locations.domainmappings.list POST=projects.locations.domainmappings.create
projects/*/locations/*/domainmappings/* DELETE=projects.locations.domainmappings.delete GET=projects.locations.domainmappings.get
projects/*/locations/*/instances GET=projects.locations.instances.list POST=projects.locations.instances.create
projects/*/locations/*/instances/* DELETE=projects.locations.instances.delete GET=projects.locations.instances.get PATCH=projects.locations.instances.patch
projects/*/locations/*/instances/*:getIamPolicy GET=projects.locations.instances.getIamPolicy
projects/*/locations/*/instances/*:setIamPolicy POST=projects.locations.instances.setIamPolicy
projects/*/locations/*/instances/*:start POST=projects.locations.instances.start
projects/*/locations/*/instances/*:stop POST=projects.locations.instances.stop
projects/*/locations/*/instances/*:testIamPermissions POST=projects.locations.instances.testIamPermissions
projects/*/locations/*/jobs GET=projects.locations.jobs.list POST=projects.locations.jobs.create
projects/*/locations/*/jobs/* DELETE=projects.locations.jobs.delete GET=projects.locations.jobs.get PATCH=projects.locations.jobs.patch
projects/*/locations/*/jobs/*/executions GET=projects.locations.jobs.executions.list
projects/*/locations/*/jobs/*/executions/* DELETE=projects.locations.jobs.executions.delete GET=projects.locations.jobs.executions.get
projects/*/locations/*/jobs/*/executions/*/*:exportStatus GET=projects.locations.jobs.executions.exportStatus
projects/*/locations/*/jobs/*/executions/*/tasks GET=projects.locations.jobs.executions.tasks.list
projects/*/locations/*/jobs/*/executions/*/tasks/* GET=projects.locations.jobs.executions.tasks.get
projects/*/locations/*/jobs/*/executions/*:cancel POST=projects.locations.jobs.executions.cancel
projects/*/locations/*/jobs/*:getIamPolicy GET=projects.locations.jobs.getIamPolicy
projects/*/locations/*/jobs/*:run POST=projects.locations.jobs.run
projects/*/locations/*/jobs/*:setIamPolicy POST=projects.locations.jobs.setIamPolicy
projects/*/locations/*/jobs/*:testIamPermissions POST=projects.locations.jobs.testIamPermissions
projects/*/locations/*/operations GET=projects.locations.operations.list
projects/*/locations/*/operations/* DELETE=projects.locations.operations.delete GET=projects.locations.operations.get
projects/*/locations/*/operations/*:wait POST=projects.locations.operations.wait
projects/*/locations/*/revisions GET=projects.locations.revisions.list
projects/*/locations/*/revisions/* DELETE=projects.locations.revisions.delete GET=projects.locations.revisions.get
projects/*/locations/*/routes GET=projects.locations.routes.list
projects/*/locations/*/routes/* GET=projects.locations.routes.get
projects/*/locations/*/services GET=projects.locations.services.list POST=projects.locations.services.create
projects/*/locations/*/services/* DELETE=projects.locations.services.delete GET=projects.locations.services.get PATCH=projects.locations.services.patch PUT=projects.locations.services.replaceService
projects/*/locations/*/services/*/revisions GET=projects.locations.services.revisions.list
projects/*/locations/*/services/*/revisions/* DELETE=projects.locations.services.revisions.delete GET=projects.locations.services.revisions.get
projects/*/locations/*/services/*/revisions/*/*:exportStatus GET=projects.locations.services.revisions.exportStatus
projects/*/locations/*/services/*:getIamPolicy GET=projects.locations.services.getIamPolicy
projects/*/locations/*/services/*:setIamPolicy POST=projects.locations.services.setIamPolicy
projects/*/locations/*/services/*:testIamPermissions POST=projects.locations.services.testIamPermissions
projects/*/locations/*/workerPools GET=projects.locations.workerPools.list POST=projects.locations.workerPools.create
projects/*/locations/*/workerPools/* DELETE=projects.locations.workerPools.delete GET=projects.locations.workerPools.get PATCH=projects.locations.workerPools.patch
projects/*/locations/*/workerPools/*/revisions GET=projects.locations.workerPools.revisions.list
projects/*/locations/*/workerPools/*/revisions/* DELETE=projects.locations.workerPools.revisions.delete GET=projects.locations.workerPools.revisions.get
projects/*/locations/*/workerPools/*:getIamPolicy GET=projects.locations.workerPools.getIamPolicy
projects/*/locations/*/workerPools/*:setIamPolicy POST=projects.locations.workerPools.setIamPolicy
projects/*/locations/*/workerPools/*:testIamPermissions POST=projects.locations.workerPools.testIamPermissions
projects/*/locations/*/workerpools/*:getIamPolicy GET=projects.locations.workerpools.getIamPolicy
projects/*/locations/*/workerpools/*:setIamPolicy POST=projects.locations.workerpools.setIamPolicy
projects/*/locations/*/workerpools/*:testIamPermissions POST=projects.locations.workerpools.testIamPermissions
projects/*/locations/*:exportProjectMetadata GET=projects.locations.exportProjectMetadata
projects/*/locations/*:uploadSource POST=projects.locations.sourceUploads.upload
# secretmanager secretmanager
projects/*/locations GET=projects.locations.list
projects/*/locations/* GET=projects.locations.get
projects/*/locations/*/secrets GET=projects.locations.secrets.list POST=projects.locations.secrets.create
projects/*/locations/*/secrets/* DELETE=projects.locations.secrets.delete GET=projects.locations.secrets.get PATCH=projects.locations.secrets.patch
projects/*/locations/*/secrets/*/versions GET=projects.locations.secrets.versions.list
projects/*/locations/*/secrets/*/versions/* GET=projects.locations.secrets.versions.get
projects/*/locations/*/secrets/*/versions/*:access GET=projects.locations.secrets.versions.access
projects/*/locations/*/secrets/*/versions/*:destroy POST=projects.locations.secrets.versions.destroy
projects/*/locations/*/secrets/*/versions/*:disable POST=projects.locations.secrets.versions.disable
projects/*/locations/*/secrets/*/versions/*:enable POST=projects.locations.secrets.versions.enable
projects/*/locations/*/secrets/*:addVersion POST=projects.locations.secrets.addVersion
projects/*/locations/*/secrets/*:enableManagedRotation POST=projects.locations.secrets.enableManagedRotation
projects/*/locations/*/secrets/*:getIamPolicy GET=projects.locations.secrets.getIamPolicy
projects/*/locations/*/secrets/*:rotateSecret POST=projects.locations.secrets.rotateSecret
projects/*/locations/*/secrets/*:setIamPolicy POST=projects.locations.secrets.setIamPolicy
projects/*/locations/*/secrets/*:testIamPermissions POST=projects.locations.secrets.testIamPermissions
projects/*/secrets GET=projects.secrets.list POST=projects.secrets.create
projects/*/secrets/* DELETE=projects.secrets.delete GET=projects.secrets.get PATCH=projects.secrets.patch
projects/*/secrets/*/versions GET=projects.secrets.versions.list
projects/*/secrets/*/versions/* GET=projects.secrets.versions.get
projects/*/secrets/*/versions/*:access GET=projects.secrets.versions.access
projects/*/secrets/*/versions/*:destroy POST=projects.secrets.versions.destroy
projects/*/secrets/*/versions/*:disable POST=projects.secrets.versions.disable
projects/*/secrets/*/versions/*:enable POST=projects.secrets.versions.enable
projects/*/secrets/*:addVersion POST=projects.secrets.addVersion
projects/*/secrets/*:enableManagedRotation POST=projects.secrets.enableManagedRotation
projects/*/secrets/*:getIamPolicy GET=projects.secrets.getIamPolicy
projects/*/secrets/*:rotateSecret POST=projects.secrets.rotateSecret
projects/*/secrets/*:setIamPolicy POST=projects.secrets.setIamPolicy
projects/*/secrets/*:testIamPermissions POST=projects.secrets.testIamPermissions
# servicenetworking servicenetworking
operations GET=operations.list
operations/* DELETE=operations.delete GET=operations.get
operations/*:cancel POST=operations.cancel
services/*/*/*:addSubnetwork POST=services.addSubnetwork
services/*/connections GET=services.connections.list POST=services.connections.create
services/*/connections/* PATCH=services.connections.patch POST=services.connections.deleteConnection
services/*/dnsRecordSets:add POST=services.dnsRecordSets.add
services/*/dnsRecordSets:get GET=services.dnsRecordSets.get
services/*/dnsRecordSets:list GET=services.dnsRecordSets.list
services/*/dnsRecordSets:remove POST=services.dnsRecordSets.remove
services/*/dnsRecordSets:update POST=services.dnsRecordSets.update
services/*/dnsZones:add POST=services.dnsZones.add
services/*/dnsZones:remove POST=services.dnsZones.remove
services/*/projects/*/global/networks/* GET=services.projects.global.networks.get
services/*/projects/*/global/networks/*/dnsZones/* GET=services.projects.global.networks.dnsZones.get
services/*/projects/*/global/networks/*/dnsZones:list GET=services.projects.global.networks.dnsZones.list
services/*/projects/*/global/networks/*/peeredDnsDomains GET=services.projects.global.networks.peeredDnsDomains.list POST=services.projects.global.networks.peeredDnsDomains.create
services/*/projects/*/global/networks/*/peeredDnsDomains/* DELETE=services.projects.global.networks.peeredDnsDomains.delete
services/*/projects/*/global/networks/*/vpcServiceControls GET=services.projects.global.networks.getVpcServiceControls
services/*/projects/*/global/networks/*:updateConsumerConfig PATCH=services.projects.global.networks.updateConsumerConfig
services/*/roles:add POST=services.roles.add
services/*:disableVpcServiceControls PATCH=services.disableVpcServiceControls
services/*:enableVpcServiceControls PATCH=services.enableVpcServiceControls
services/*:searchRange POST=services.searchRange
services/*:validate POST=services.validate
# serviceusage serviceusage
*/*/services GET=services.list
*/*/services/* GET=services.get
*/*/services/*:disable POST=services.disable
*/*/services/*:enable POST=services.enable
*/*/services:batchEnable POST=services.batchEnable
*/*/services:batchGet GET=services.batchGet
operations GET=operations.list
operations/* DELETE=operations.delete GET=operations.get
operations/*:cancel POST=operations.cancel
# spanner spanner
projects/*/instanceConfigOperations GET=projects.instanceConfigOperations.list
projects/*/instanceConfigs GET=projects.instanceConfigs.list POST=projects.instanceConfigs.create
projects/*/instanceConfigs/* DELETE=projects.instanceConfigs.delete GET=projects.instanceConfigs.get PATCH=projects.instanceConfigs.patch
projects/*/instanceConfigs/*/operations GET=projects.instanceConfigs.operations.list
projects/*/instanceConfigs/*/operations/* DELETE=projects.instanceConfigs.operations.delete GET=projects.instanceConfigs.operations.get
projects/*/instanceConfigs/*/operations/*:cancel POST=projects.instanceConfigs.operations.cancel
projects/*/instanceConfigs/*/ssdCaches/*/operations GET=projects.instanceConfigs.ssdCaches.operations.list
projects/*/instanceConfigs/*/ssdCaches/*/operations/* DELETE=projects.instanceConfigs.ssdCaches.operations.delete GET=projects.instanceConfigs.ssdCaches.operations.get
projects/*/instanceConfigs/*/ssdCaches/*/operations/*:cancel POST=projects.instanceConfigs.ssdCaches.operations.cancel
projects/*/instances GET=projects.instances.list POST=projects.instances.create
projects/*/instances/* DELETE=projects.instances.delete GET=projects.instances.get PATCH=projects.instances.patch
projects/*/instances/*/backupOperations GET=projects.instances.backupOperations.list
projects/*/instances/*/backups GET=projects.instances.backups.list POST=projects.instances.backups.create
projects/*/instances/*/backups/* DELETE=projects.instances.backups.delete GET=projects.instances.backups.get PATCH=projects.instances.backups.patch
projects/*/instances/*/backups/*/operations GET=projects.instances.backups.operations.list
projects/*/instances/*/backups/*/operations/* DELETE=projects.instances.backups.operations.delete GET=projects.instances.backups.operations.get
projects/*/instances/*/backups/*/operations/*:cancel POST=projects.instances.backups.operations.cancel
projects/*/instances/*/backups/*:getIamPolicy POST=projects.instances.backups.getIamPolicy
projects/*/instances/*/backups/*:setIamPolicy POST=projects.instances.backups.setIamPolicy
projects/*/instances/*/backups/*:testIamPermissions POST=projects.instances.backups.testIamPermissions
projects/*/instances/*/backups:copy POST=projects.instances.backups.copy
projects/*/instances/*/databaseOperations GET=projects.instances.databaseOperations.list
projects/*/instances/*/databases GET=projects.instances.databases.list POST=projects.instances.databases.create
projects/*/instances/*/databases/* DELETE=projects.instances.databases.dropDatabase GET=projects.instances.databases.get PATCH=projects.instances.databases.patch
projects/*/instances/*/databases/*/backupSchedules GET=projects.instances.databases.backupSchedules.list POST=projects.instances.databases.backupSchedules.create
projects/*/instances/*/databases/*/backupSchedules/* DELETE=projects.instances.databases.backupSchedules.delete GET=projects.instances.databases.backupSchedules.get PATCH=projects.instances.databases.backupSchedules.patch
projects/*/instances/*/databases/*/backupSchedules/*:getIamPolicy POST=projects.instances.databases.backupSchedules.getIamPolicy
projects/*/instances/*/databases/*/backupSchedules/*:setIamPolicy POST=projects.instances.databases.backupSchedules.setIamPolicy
projects/*/instances/*/databases/*/backupSchedules/*:testIamPermissions POST=projects.instances.databases.backupSchedules.testIamPermissions
projects/*/instances/*/databases/*/databaseRoles GET=projects.instances.databases.databaseRoles.list
projects/*/instances/*/databases/*/databaseRoles/*:testIamPermissions POST=projects.instances.databases.databaseRoles.testIamPermissions
projects/*/instances/*/databases/*/ddl GET=projects.instances.databases.getDdl PATCH=projects.instances.databases.updateDdl
projects/*/instances/*/databases/*/operations GET=projects.instances.databases.operations.list
projects/*/instances/*/databases/*/operations/* DELETE=projects.instances.databases.operations.delete GET=projects.instances.databases.operations.get
projects/*/instances/*/databases/*/operations/*:cancel POST=projects.instances.databases.operations.cancel
projects/*/instances/*/databases/*/scans GET=projects.instances.databases.getScans
projects/*/instances/*/databases/*/sessions GET=projects.instances.databases.sessions.list POST=projects.instances.databases.sessions.create
projects/*/instances/*/databases/*/sessions/* DELETE=projects.instances.databases.sessions.delete GET=projects.instances.databases.sessions.get
projects/*/instances/*/databases/*/sessions/*:adaptMessage POST=projects.instances.databases.sessions.adaptMessage
projects/*/instances/*/databases/*/sessions/*:batchWrite POST=projects.instances.databases.sessions.batchWrite
projects/*/instances/*/databases/*/sessions/*:beginTransaction POST=projects.instances.databases.sessions.beginTransaction
projects/*/instances/*/databases/*/sessions/*:commit POST=projects.instances.databases.sessions.commit
projects/*/instances/*/databases/*/sessions/*:executeBatchDml POST=projects.instances.databases.sessions.executeBatchDml
projects/*/instances/*/databases/*/sessions/*:executeSql POST=projects.instances.databases.sessions.executeSql
projects/*/instances/*/databases/*/sessions/*:executeStreamingSql POST=projects.instances.databases.sessions.executeStreamingSql
projects/*/instances/*/databases/*/sessions/*:partitionQuery POST=projects.instances.databases.sessions.partitionQuery
projects/*/instances/*/databases/*/sessions/*:partitionRead POST=projects.instances.databases.sessions.partitionRead
projects/*/instances/*/databases/*/sessions/*:read POST=projects.instances.databases.sessions.read
projects/*/instances/*/databases/*/sessions/*:rollback POST=projects.instances.databases.sessions.rollback
projects/*/instances/*/databases/*/sessions/*:streamingRead POST=projects.instances.databases.sessions.streamingRead
projects/*/instances/*/databases/*/sessions:adapter POST=projects.instances.databases.sessions.adapter
projects/*/instances/*/databases/*/sessions:batchCreate POST=projects.instances.databases.sessions.batchCreate
projects/*/instances/*/databases/*:addSplitPoints POST=projects.instances.databases.addSplitPoints
projects/*/instances/*/databases/*:changequorum POST=projects.instances.databases.changequorum
projects/*/instances/*/databases/*:getIamPolicy POST=projects.instances.databases.getIamPolicy
projects/*/instances/*/databases/*:setIamPolicy POST=projects.instances.databases.setIamPolicy
projects/*/instances/*/databases/*:testIamPermissions POST=projects.instances.databases.testIamPermissions
projects/*/instances/*/databases:restore POST=projects.instances.databases.restore
projects/*/instances/*/instancePartitionOperations GET=projects.instances.instancePartitionOperations.list
projects/*/instances/*/instancePartitions GET=projects.instances.instancePartitions.list POST=projects.instances.instancePartitions.create
projects/*/instances/*/instancePartitions/* DELETE=projects.instances.instancePartitions.delete GET=projects.instances.instancePartitions.get PATCH=projects.instances.instancePartitions.patch
projects/*/instances/*/instancePartitions/*/operations GET=projects.instances.instancePartitions.operations.list
projects/*/instances/*/instancePartitions/*/operations/* DELETE=projects.instances.instancePartitions.operations.delete GET=projects.instances.instancePartitions.operations.get
projects/*/instances/*/instancePartitions/*/operations/*:cancel POST=projects.instances.instancePartitions.operations.cancel
projects/*/instances/*/operations GET=projects.instances.operations.list
projects/*/instances/*/operations/* DELETE=projects.instances.operations.delete GET=projects.instances.operations.get
projects/*/instances/*/operations/*:cancel POST=projects.instances.operations.cancel
projects/*/instances/*:getIamPolicy POST=projects.instances.getIamPolicy
projects/*/instances/*:move POST=projects.instances.move
projects/*/instances/*:setIamPolicy POST=projects.instances.setIamPolicy
projects/*/instances/*:testIamPermissions POST=projects.instances.testIamPermissions
scans GET=scans.list
# sqladmin sql
flags GET=flags.list
locations/*/dns/*:resolveConnectSettings GET=connect.resolve
projects/*/backups GET=Backups.ListBackups POST=Backups.CreateBackup
projects/*/backups/* DELETE=Backups.DeleteBackup GET=Backups.GetBackup PATCH=Backups.UpdateBackup
projects/*/instances GET=instances.list POST=instances.insert
projects/*/instances/* DELETE=instances.delete GET=instances.get PATCH=instances.patch PUT=instances.update
projects/*/instances/*/acquireSsrsLease POST=instances.acquireSsrsLease
projects/*/instances/*/addEntraIdCertificate POST=instances.addEntraIdCertificate
projects/*/instances/*/addServerCa POST=instances.addServerCa
projects/*/instances/*/addServerCertificate POST=instances.addServerCertificate
projects/*/instances/*/backupRuns GET=backupRuns.list POST=backupRuns.insert
projects/*/instances/*/backupRuns/* DELETE=backupRuns.delete GET=backupRuns.get
projects/*/instances/*/clone POST=instances.clone
projects/*/instances/*/connectSettings GET=connect.get
projects/*/instances/*/createEphemeral POST=sslCerts.createEphemeral
projects/*/instances/*/databases GET=databases.list POST=databases.insert
projects/*/instances/*/databases/* DELETE=databases.delete GET=databases.get PATCH=databases.patch PUT=databases.update
projects/*/instances/*/demote POST=instances.demote
projects/*/instances/*/demoteMaster POST=instances.demoteMaster
projects/*/instances/*/executeSql POST=instances.executeSql
projects/*/instances/*/export POST=instances.export
projects/*/instances/*/failover POST=instances.failover
projects/*/instances/*/getDiskShrinkConfig GET=projects.instances.getDiskShrinkConfig
projects/*/instances/*/getLatestRecoveryTime GET=projects.instances.getLatestRecoveryTime
projects/*/instances/*/import POST=instances.import
projects/*/instances/*/listEntraIdCertificates GET=instances.ListEntraIdCertificates
projects/*/instances/*/listServerCas GET=instances.listServerCas
projects/*/instances/*/listServerCertificates GET=instances.ListServerCertificates
projects/*/instances/*/performDiskShrink POST=projects.instances.performDiskShrink
projects/*/instances/*/preCheckMajorVersionUpgrade POST=instances.preCheckMajorVersionUpgrade
projects/*/instances/*/promoteReplica POST=instances.promoteReplica
projects/*/instances/*/reencrypt POST=instances.reencrypt
projects/*/instances/*/releaseSsrsLease POST=instances.releaseSsrsLease
projects/*/instances/*/rescheduleMaintenance POST=projects.instances.rescheduleMaintenance
projects/*/instances/*/resetReplicaSize POST=projects.instances.resetReplicaSize
projects/*/instances/*/resetSslConfig POST=instances.resetSslConfig
projects/*/instances/*/restart POST=instances.restart
projects/*/instances/*/restoreBackup POST=instances.restoreBackup
projects/*/instances/*/rotateEntraIdCertificate POST=instances.RotateEntraIdCertificate
projects/*/instances/*/rotateServerCa POST=instances.rotateServerCa
projects/*/instances/*/rotateServerCertificate POST=instances.RotateServerCertificate
projects/*/instances/*/sslCerts GET=sslCerts.list POST=sslCerts.insert
projects/*/instances/*/sslCerts/* DELETE=sslCerts.delete GET=sslCerts.get
projects/*/instances/*/startExternalSync POST=projects.instances.startExternalSync
projects/*/instances/*/startReplica POST=instances.startReplica
projects/*/instances/*/stopReplica POST=instances.stopReplica
projects/*/instances/*/switchover POST=instances.switchover
projects/*/instances/*/truncateLog POST=instances.truncateLog
projects/*/instances/*/users DELETE=users.delete GET=users.list POST=users.insert PUT=users.update
projects/*/instances/*/users/* GET=users.get
projects/*/instances/*/verifyExternalSyncSettings POST=projects.instances.verifyExternalSyncSettings
projects/*/instances/*/workloadCaptures GET=workloadCaptures.list
projects/*/instances/*/workloadCaptures/*:startReplay POST=workloadCaptures.startReplay
projects/*/instances/*/workloadCaptures:start POST=workloadCaptures.start
projects/*/instances/*/workloadCaptures:stop POST=workloadCaptures.stop
projects/*/instances/*/workloadCaptures:stopReplay POST=workloadCaptures.stopReplay
projects/*/instances/*:generateEphemeralCert POST=connect.generateEphemeral
projects/*/locations/*/blueGreenDeployments GET=blueGreenDeployments.list POST=blueGreenDeployments.create
projects/*/locations/*/blueGreenDeployments/* DELETE=blueGreenDeployments.delete GET=blueGreenDeployments.get
projects/*/locations/*/blueGreenDeployments/*:switchover POST=blueGreenDeployments.switchover
projects/*/operations GET=operations.list
projects/*/operations/* GET=operations.get
projects/*/operations/*/cancel POST=operations.cancel
projects/*/tiers GET=tiers.list
projects/*:pointInTimeRestore POST=instances.pointInTimeRestore
# storage storage
b GET=buckets.list POST=buckets.insert
b/* DELETE=buckets.delete GET=buckets.get PATCH=buckets.patch PUT=buckets.update
b/*/acl GET=bucketAccessControls.list POST=bucketAccessControls.insert
b/*/acl/* DELETE=bucketAccessControls.delete GET=bucketAccessControls.get PATCH=bucketAccessControls.patch PUT=bucketAccessControls.update
b/*/anywhereCaches GET=anywhereCaches.list POST=anywhereCaches.insert
b/*/anywhereCaches/* GET=anywhereCaches.get PATCH=anywhereCaches.update
b/*/anywhereCaches/*/disable POST=anywhereCaches.disable
b/*/anywhereCaches/*/pause POST=anywhereCaches.pause
b/*/anywhereCaches/*/resume POST=anywhereCaches.resume
b/*/defaultObjectAcl GET=defaultObjectAccessControls.list POST=defaultObjectAccessControls.insert
b/*/defaultObjectAcl/* DELETE=defaultObjectAccessControls.delete GET=defaultObjectAccessControls.get PATCH=defaultObjectAccessControls.patch PUT=defaultObjectAccessControls.update
b/*/folders GET=folders.list POST=folders.insert
b/*/folders/* DELETE=folders.delete GET=folders.get
b/*/folders/*/deleteRecursive POST=folders.deleteRecursive
b/*/folders/*/renameTo/folders/* POST=folders.rename
b/*/iam GET=buckets.getIamPolicy PUT=buckets.setIamPolicy
b/*/iam/testPermissions GET=buckets.testIamPermissions
b/*/lockRetentionPolicy POST=buckets.lockRetentionPolicy
b/*/managedFolders GET=managedFolders.list POST=managedFolders.insert
b/*/managedFolders/* DELETE=managedFolders.delete GET=managedFolders.get PATCH=managedFolders.update
b/*/managedFolders/*/iam GET=managedFolders.getIamPolicy PUT=managedFolders.setIamPolicy
b/*/managedFolders/*/iam/testPermissions GET=managedFolders.testIamPermissions
b/*/notificationConfigs GET=notifications.list POST=notifications.insert
b/*/notificationConfigs/* DELETE=notifications.delete GET=notifications.get
b/*/o GET=objects.list POST=objects.insert
b/*/o/* DELETE=objects.delete GET=objects.get PATCH=objects.patch PUT=objects.update
b/*/o/*/acl GET=objectAccessControls.list POST=objectAccessControls.insert
b/*/o/*/acl/* DELETE=objectAccessControls.delete GET=objectAccessControls.get PATCH=objectAccessControls.patch PUT=objectAccessControls.update
b/*/o/*/compose POST=objects.compose
b/*/o/*/copyTo/b/*/o/* POST=objects.copy
b/*/o/*/iam GET=objects.getIamPolicy PUT=objects.setIamPolicy
b/*/o/*/iam/testPermissions GET=objects.testIamPermissions
b/*/o/*/moveTo/o/* POST=objects.move
b/*/o/*/restore POST=objects.restore
b/*/o/*/rewriteTo/b/*/o/* POST=objects.rewrite
b/*/o/*/viewFullContext GET=objects.viewFullContext
b/*/o/bulkRestore POST=objects.bulkRestore
b/*/operations GET=buckets.operations.list
b/*/operations/* GET=buckets.operations.get
b/*/operations/*/advanceRelocateBucket POST=buckets.operations.advanceRelocateBucket
b/*/operations/*/cancel POST=buckets.operations.cancel
b/*/rapidCaches GET=rapidCaches.list POST=rapidCaches.insert
b/*/rapidCaches/* GET=rapidCaches.get PATCH=rapidCaches.update
b/*/rapidCaches/*/disable POST=rapidCaches.disable
b/*/relocate POST=buckets.relocate
b/*/restore POST=buckets.restore
b/*/storageLayout GET=buckets.getStorageLayout
projects/*/hmacKeys GET=projects.hmacKeys.list POST=projects.hmacKeys.create
projects/*/hmacKeys/* DELETE=projects.hmacKeys.delete GET=projects.hmacKeys.get PUT=projects.hmacKeys.update
projects/*/serviceAccount GET=projects.serviceAccount.get
`;
